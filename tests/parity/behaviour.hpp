// Behaviours: short coroutines against the public interface, that note what they see. Each one runs on every engine
// that is there, and the traces must be equal, line by line; what may differ stands in divergences.hpp.
//
// BEHAVIOUR("the end of a stream is read again and again") {
//     stream_pair pair = co_await connected_pair();
//     co_await pair.server.close();
//     co_await t.see("first read", pair.client.read());
//     co_await t.see("second read", pair.client.read());
// }
//
// A trace holds no port, handle or time. What a kernel does in any order is made to happen in one (`settle`), or noted
// such that the order does not show.
#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <libasync/async.hpp>

#include <tests/support/files.hpp>
#include <tests/support/network.hpp>

namespace parity {

using namespace async;
using namespace async_tests;
using namespace std::chrono_literals;

std::string describe(std::error_code code);   // "generic:ECONNRESET", "libasync:closed"
std::string describe(std::string_view text);  // in quotes; of long ones the size and a sum
inline std::string describe(const std::string& text) { return describe(std::string_view(text)); }
inline std::string describe(const chunk& data) { return data.empty() ? "end" : describe(data.text()); }
inline std::string describe(bool value) { return value ? "yes" : "no"; }
template <std::integral T>
std::string describe(T value) {
    return std::to_string(value);
}
inline std::string describe(const tcp_stream&) { return "a stream"; }
inline std::string describe(const tcp_listener&) { return "a listener"; }
inline std::string describe(const file&) { return "a file"; }
template <class T>
std::string describe(const std::optional<T>& value) {
    return value ? "in time" : "too late";
}

// What an exception says, without its text: an error's code, or that time was up, or a task cancelled.
std::string describe(const std::exception_ptr& failure);

// What a behaviour saw on one engine.
class trace {
public:
    explicit trace(engine_kind engine) : scratch_(std::make_unique<async_tests::temporary_directory>(engine)) {}

    void note(std::string_view line) { lines_.emplace_back(line); }
    template <class T>
    void note(std::string_view what, const T& value) {
        lines_.push_back(std::string(what).append(": ").append(describe(value)));
    }

    // Makes a call that does not wait, and notes what it gives or throws.
    template <std::invocable Call>
    void attempt(std::string_view what, Call call) {
        try {
            if constexpr (std::is_void_v<std::invoke_result_t<Call>>) {
                call();
                note(std::string(what) + ": done");
            } else {
                note(what, call());
            }
        } catch (...) {
            note(what, std::current_exception());
        }
    }

    // Awaits an operation or a task and notes how it ends. Gives its result, if there is one. Failures are noted, not
    // thrown; a cancellation is noted and goes on. `what` is a literal.
    template <detail::awaitable_operation A>
    auto see(std::string_view what, A&& awaitable) {
        return see_task(what, detail::into_task(std::forward<A>(awaitable)));
    }

    // The same in a scope that is cancelled already.
    template <detail::awaitable_operation A>
    task<void> see_cancelled(std::string_view what, A&& awaitable) {
        return in_cancelled_scope(detail::into_task(see(what, std::forward<A>(awaitable))));
    }

    // The same beside the caller, begun when the caller next lets others run.
    template <detail::awaitable_operation A>
    auto begin(std::string_view what, A&& awaitable) {
        return create_task(see(what, std::forward<A>(awaitable)));
    }

    // The same, but notes nothing before `noted` is awaited: for what ends at no certain place among other lines.
    template <detail::awaitable_operation A>
    task_handle<std::string> begin_silently(std::string_view what, A&& awaitable) {
        return create_task(line_of(what, detail::into_task(std::forward<A>(awaitable))));
    }
    task<void> noted(task_handle<std::string>& silent) {
        const std::string line = co_await silent;
        note(line);
    }

    // The place for files, and what can be done to it beside the library.
    // An empty directory, in the file system that the engine's files are in.
    const async_tests::temporary_directory& files() const noexcept { return *scratch_; }

    // Called when the loop is gone, in order.
    void after_loop(std::function<void()> action) { after_loop_.push_back(std::move(action)); }
    void end_of_loop();

    // Says why the behaviour cannot be seen here; its traces are not compared then.
    void exclude(std::string_view reason) { excluded_ = reason; }
    // Excludes the behaviour on Windows. True if it did.
    bool excluded_on_windows([[maybe_unused]] std::string_view reason) {
#ifdef _WIN32
        exclude(reason);
#endif
        return !excluded_.empty();
    }
    const std::string& excluded() const noexcept { return excluded_; }

    // It did not come to its own end.
    void cut_short(std::string_view line) {
        note(line);
        whole_ = false;
    }
    bool whole() const noexcept { return whole_; }

    const std::vector<std::string>& lines() const noexcept { return lines_; }

private:
    task<void> see_task(std::string_view what, task<void> awaited);
    template <class T>
    task<std::optional<T>> see_task(std::string_view what, task<T> awaited) {
        std::optional<T> value;
        try {
            value.emplace(co_await std::move(awaited));
            note(what, *value);
        } catch (...) {
            note(what, std::current_exception());
            rethrow_cancellation();
        }
        co_return value;
    }
    template <class T>
    static task<std::string> line_of(std::string_view what, task<T> awaited) {
        std::string line = std::string(what) + ": ";
        try {
            if constexpr (std::is_void_v<T>) {
                co_await std::move(awaited);
                line += "done";
            } else {
                const T value = co_await std::move(awaited);
                line += describe(value);
            }
        } catch (...) {
            line += describe(std::current_exception());
        }
        co_return line;
    }
    template <class T>
    static task<void> in_cancelled_scope(task<T> seen) {
        cancel_scope scope;
        scope.cancel();
        co_await scope.run(std::move(seen));
    }
    // In a handler.
    static void rethrow_cancellation();

    std::unique_ptr<async_tests::temporary_directory> scratch_;
    std::vector<std::string> lines_;
    std::vector<std::function<void()>> after_loop_;
    std::string excluded_;
    bool whole_ = true;
};

struct behaviour {
    using body_function = task<void>(trace&);

    behaviour(const char* n, body_function* b);

    const char* name;
    body_function* body;
};

const std::vector<behaviour>& behaviours();

// The engines that this build has and this kernel allows; the first is the one that others are compared with.
const std::vector<engine_kind>& engines();

// Runs the behaviour on all engines and compares. LIBASYNC_PARITY_TRACE=1 prints what the first one saw.
void check(const behaviour& b);

// Long enough for what was sent on a loopback connection to have arrived, and for the loop to have seen it.
inline auto settle() { return sleep(4ms); }

// Buffers that fill early; the smallest ones make the kernel wait for 200 ms between pieces.
inline constexpr tcp_options narrow{.receive_buffer = 65536, .send_buffer = 65536};

// More than narrow buffers take.
inline const std::string& much() {
    static const std::string text = pattern(4 << 20);
    return text;
}

// Reads up to the end or to an error, and notes which, and how what was read compares with `sent`.
task<void> read_to_the_end(trace& t, tcp_stream& stream, const std::string& sent);

// What `f` holds of `size` bytes from `offset` on.
task<std::string> read_text(file& f, std::size_t size, std::uint64_t offset);

}  // namespace parity

#define PARITY_BEHAVIOUR_NAMED(title, body)                                                                            \
    static async::task<void> body(parity::trace&);                                                                     \
    static const parity::behaviour body##_entry{title, body};                                                          \
    TEST_CASE(title) { parity::check(body##_entry); }                                                                  \
    static async::task<void> body([[maybe_unused]] parity::trace& t)
#define PARITY_BEHAVIOUR(title, body) PARITY_BEHAVIOUR_NAMED(title, body)

#define BEHAVIOUR(title) PARITY_BEHAVIOUR(title, DOCTEST_ANONYMOUS(behaviour_))
