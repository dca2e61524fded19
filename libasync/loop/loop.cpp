#include <libasync/loop/loop.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <libasync/loop/callback.hpp>
#include <libasync/loop/engine_choice.hpp>
#include <libasync/loop/log.hpp>

namespace async::inline v0 {

namespace detail {

bool callback::call(ready_node* node) noexcept {
    auto* self = static_cast<callback*>(node);
    const context_entry inside(std::move(self->context));
    unique_function<void()> fn = std::move(self->function);
    try {
        fn();
    } catch (...) {
        self->owner->report({"a callback threw", {}, self->created, std::current_exception()});
    }
    self->release();
    return false;
}

void callback::cancel() noexcept {
    if (!pending()) return;
    owner->core().timers.cancel(*this);
    unlink_if_linked();
    function.reset();
    context = {};
    release();
}

}  // namespace detail

callback_handle::callback_handle(detail::callback& c) noexcept : callback_(&c) { ++c.references; }

callback_handle& callback_handle::operator=(callback_handle&& other) noexcept {
    if (this != &other) {
        if (callback_) callback_->release();
        callback_ = std::exchange(other.callback_, nullptr);
    }
    return *this;
}

callback_handle::~callback_handle() {
    if (callback_) callback_->release();
}

void callback_handle::cancel() noexcept {
    if (callback_) callback_->cancel();
}

bool callback_handle::pending() const noexcept { return callback_ != nullptr && callback_->pending(); }

loop::loop(const loop_options& options) {
    core_.engine.reset(detail::choose_engine(options).release());
    set_up(options);
}

loop::loop(std::unique_ptr<io::engine> engine, const loop_options& options) {
    core_.engine.reset(engine.release());
    set_up(options);
}

void loop::set_up(const loop_options& options) {
    const char* debug = std::getenv("LIBASYNC_DEBUG");
    core_.debug = options.debug || (debug != nullptr && std::string_view(debug) == "1");
    core_.slow_step = options.slow_step;
    if (core_.debug && core_.slow_step.count() == 0) core_.slow_step = std::chrono::milliseconds(100);
    core_.spin = options.spin;
    core_.face = this;
    core_.hook = core_.engine->hook();
}

namespace {

// Callbacks that never came to run, dropped with their loop.
void drop_all(detail::ready_list& nodes) noexcept {
    while (!nodes.empty()) {
        detail::ready_node* node = nodes.pop_front();
        if (node->run != &detail::callback::call) continue;
        auto* dropped = static_cast<detail::callback*>(node);
        dropped->function.reset();  // a handle that outlives the loop finds that nothing waits
        dropped->release();
    }
}

}  // namespace

loop::~loop() {
    core_.engine->close_posts();
    core_.engine->shut_down();
    core_.timers.collect_due(time_point::max(), core_.ready);
    drop_all(core_.ready);
    drop_all(core_.engine->completed);
}

callback_handle loop::call_soon(unique_function<void()> fn, std::source_location created) {
    core_.check_thread("call_soon");
    auto* node = new detail::callback(*this, std::move(fn), created);
    core_.ready.push_back(*node);
    return callback_handle(*node);
}

callback_handle loop::call_at(time_point when, unique_function<void()> fn, std::source_location created) {
    core_.check_thread("call_at");
    auto node = std::make_unique<detail::callback>(*this, std::move(fn), created);
    core_.timers.set(*node, when);
    return callback_handle(*node.release());
}

void loop::post(unique_function<void()> fn, std::source_location created) {
    auto node = std::make_unique<detail::callback>(*this, std::move(fn), created);
    if (!core_.engine->post(*node)) throw std::system_error(make_error_code(errc::closed), "post");
    node.release();  // the loop's from here on, and perhaps gone already
}

time_point loop::deadline_after(std::chrono::nanoseconds delay) const noexcept {
    const time_point now = core_.engine->clock();
    if (delay > time_point::max() - now) return time_point::max();
    return now + std::max(delay, std::chrono::nanoseconds::zero());
}

time_point loop::deadline_after_ns(long double nanoseconds) const {
    if (std::isnan(nanoseconds)) throw std::invalid_argument("a delay is not a number");
    constexpr auto longest = static_cast<long double>(std::chrono::nanoseconds::max().count());
    if (nanoseconds >= longest) return time_point::max();
    if (nanoseconds <= 0) return core_.engine->clock();
    return deadline_after(std::chrono::nanoseconds(static_cast<std::int64_t>(std::ceil(nanoseconds))));
}

loop_statistics loop::statistics() const noexcept { return {core_.turns, core_.steps, core_.engine->statistics()}; }

namespace detail {

void log_report(const exception_context& context) noexcept {
    try {
        std::string line(context.message);
        if (!context.task_name.empty()) line.append(" '").append(context.task_name).append("'");
        line.append(" created at ").append(context.created.file_name());
        line.append(":").append(std::to_string(context.created.line()));
        if (context.exception) line.append(": ").append(describe_exception(context.exception));
        log(log_level::error, line);
    } catch (...) {
        log(log_level::error, context.message);
    }
}

}  // namespace detail

void loop::set_exception_handler(exception_handler handler) {
    exception_handler_ = handler ? std::make_shared<exception_handler>(std::move(handler)) : nullptr;
}

void loop::report(const exception_context& context) noexcept {
    const std::shared_ptr<exception_handler> handler = exception_handler_;
    if (!handler) return detail::log_report(context);
    try {
        (*handler)(context);
    } catch (...) {
        detail::log_report(context);
        detail::log(log_level::error, "the exception handler itself threw");
    }
}

loop& this_loop() { return *detail::require_core("this_loop").face; }

}  // namespace async::inline v0
