#include <libasync/testing/check_stream.hpp>

#include <libasync/coro/timeout.hpp>

namespace async::inline v0::testing::internal {

namespace {

enum class order : bool { as_made, swapped };

class kit final : public stream_kit {
public:
    kit(connection_maker& make, const check_stream_options& options, order o) : make_(make), order_(o) {
        more_than_buffers = options.more_than_buffers;
        random.seed(options.seed);
    }

    task<connection> connect() override {
        connection made = co_await make_();
        if (order_ == order::swapped) std::swap(made.near, made.far);
        co_return made;
    }

private:
    connection_maker& make_;
    const order order_;
};

// A failure names the requirement.
task<void> run_check(const stream_check& check, stream_kit& kit, std::chrono::milliseconds patience) {
    try {
        co_await timeout(patience, check.run(kit));
    } catch (const unmet& found) {
        throw check_failure(check.requirement, found.detail, found.where);
    } catch (const timeout_error&) {
        throw check_failure(check.requirement, "this takes longer than it may");
    } catch (const std::system_error& e) {
        throw check_failure(check.requirement, std::string("unexpected error: ") + e.what());
    }
}

}  // namespace

task<void> check_stream(connection_maker make, check_stream_options options) {
    for (const order o : {order::as_made, order::swapped}) {
        kit k(make, options, o);
        for (const auto checks :
             {transfer_checks(), end_checks(), closing_checks(), cancellation_checks(), poisoning_checks()}) {
            for (const stream_check& check : checks) co_await run_check(check, k, options.patience);
        }
    }
}

}  // namespace async::inline v0::testing::internal
