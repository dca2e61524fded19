#include <libasync/net/accept.hpp>

#include <algorithm>
#include <string>

#include <libasync/coro/sleep.hpp>
#include <libasync/loop/log.hpp>

namespace async::inline v0::detail {

namespace {

using namespace std::chrono_literals;

struct accept_description : stream_description<accept_description> {
    using operation = io::accept_op;
    using value_type = io::socket_ptr;

    using stream_description::stream_description;
    operation make() const noexcept { return operation(socket()); }
    void check(operation& op) const noexcept { check_open(op); }
    value_type finish(operation& op) const noexcept { return std::move(op.accepted); }
    std::string what() const { return "accept"; }
};

// What passes when others close their connections.
bool lacks_resources(std::error_code error) noexcept {
    return error == std::errc::too_many_files_open || error == std::errc::too_many_files_open_in_system ||
           error == std::errc::no_buffer_space || error == std::errc::not_enough_memory;
}

// Waits longer each time, and reports once a second at most.
class back_off {
public:
    explicit back_off(loop& l) : loop_(l) {}

    time_point next(std::error_code error) {
        if (loop_.now() >= next_report_) {
            log(log_level::warning, "accept cannot go on for now: " + error.message());
            next_report_ = loop_.now() + 1s;
        }
        const auto delay = delay_;
        delay_ = std::min<std::chrono::milliseconds>(2 * delay_, 1s);
        return loop_.deadline_after(delay);
    }

private:
    loop& loop_;
    std::chrono::milliseconds delay_ = 10ms;
    time_point next_report_{};
};

}  // namespace

task<io::socket_ptr> accept_socket(stream_ref listener) {
    const accept_description description(listener.get());
    back_off pause(this_loop());
    for (;;) {
        result<io::socket_ptr> accepted = co_await as_result(description);
        if (accepted) co_return *std::move(accepted);
        if (!lacks_resources(accepted.error())) throw std::system_error(accepted.error(), "accept");
        co_await sleep_until(pause.next(accepted.error()));
    }
}

}  // namespace async::inline v0::detail
