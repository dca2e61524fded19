#include <libasync/error.hpp>

namespace async::inline v0 {

namespace {

class category_impl final : public std::error_category {
public:
    const char* name() const noexcept override { return "libasync"; }

    std::string message(int value) const override {
        switch (static_cast<errc>(value)) {
            case errc::busy: return "another operation of this kind is already pending";
            case errc::closed: return "the object is closed";
            case errc::broken: return "an earlier write was cut short";
            case errc::no_loop: return "no loop runs on this thread";
            case errc::incomplete: return "the stream ended before all was there";
            case errc::limit_overrun: return "more bytes than the limit allows";
        }
        return "unknown error";
    }
};

}  // namespace

const std::error_category& error_category() noexcept {
    static const category_impl category;
    return category;
}

cancelled::~cancelled() = default;

task_cancelled::task_cancelled(const std::string& task_name)
    : std::runtime_error("the task '" + task_name + "' was cancelled") {}
task_cancelled::~task_cancelled() = default;

timeout_error::timeout_error() : std::runtime_error("the deadline passed") {}
timeout_error::~timeout_error() = default;

stalled_error::stalled_error(const std::string& message) : std::runtime_error(message) {}
stalled_error::~stalled_error() = default;

void cancelled_access::raise() { throw cancelled{}; }

std::string detail::describe_exception(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& e) {
        return e.what();
    } catch (const cancelled&) {
        return "cancelled";
    } catch (...) {
        return "an exception of unknown type";
    }
}

}  // namespace async::inline v0
