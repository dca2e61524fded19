// Ends of streams, and what only one task at a time may do.
#include <libasync/coro/gather.hpp>
#include <libasync/testing/stream_under_test.hpp>
#include <libasync/testing/wait_all_tasks_blocked.hpp>

namespace async::inline v0::testing::internal {

namespace {

task<void> end_is_repeated(stream_kit& kit) {
    connection c = co_await kit.connect();
    auto write = [](stream_under_test& stream, std::string_view text) -> task<void> {
        co_await stream.write(text);
        co_await stream.shutdown_write();
    };
    const std::string text = pattern(100'000);
    co_await gather(write(*c.near, text), expect_text(*c.far, text, reading::chunks));
    co_await expect_end(*c.far);
}

task<void> half_close(stream_kit& kit) {
    connection c = co_await kit.connect();
    const std::string text = pattern(200'000);
    co_await c.near->shutdown_write();
    co_await expect_end(*c.far);
    co_await gather(c.far->write(text), expect_text(*c.near, text, reading::in_turn));
    co_await c.far->shutdown_write();
    co_await expect_end(*c.near);
    require(c.near->is_open() && c.far->is_open(), "a stream counts as closed before its close");
}

task<void> no_write_after_the_end(stream_kit& kit) {
    connection c = co_await kit.connect();
    co_await c.near->shutdown_write();
    const std::error_code error = co_await error_of(c.near->write(std::string_view("late")));
    require(static_cast<bool>(error), "a write succeeds");
    co_await expect_end(*c.far);
}

task<void> end_wakes_a_reader(stream_kit& kit) {
    connection c = co_await kit.connect();
    auto end = [](stream_under_test& stream) -> task<void> {
        co_await wait_all_tasks_blocked();
        co_await stream.shutdown_write();
    };
    co_await gather(expect_end(*c.far), end(*c.near));
}

void require_busy(std::error_code error, const char* what) {
    require(error == errc::busy, std::string(what) + (error ? " gives " + error.message() : " succeeds"));
}

task<void> one_reader(stream_kit& kit) {
    connection c = co_await kit.connect();
    const std::string text = pattern(1000);
    auto disturb = [](connection& c, std::string_view text) -> task<void> {
        co_await wait_all_tasks_blocked();
        std::error_code error = co_await error_of_read(*c.far);
        require_busy(error, "a second read()");
        error = co_await error_of_read_some(*c.far);
        require_busy(error, "a second read_some");
        co_await c.near->write(text);
    };
    for (const reading how : {reading::chunks, reading::pieces}) {
        co_await gather(expect_text(*c.far, text, how), disturb(c, text));
    }
}

task<void> one_writer(stream_kit& kit) {
    connection c = co_await kit.connect();
    const std::string text = pattern(kit.more_than_buffers);
    auto disturb = [](connection& c, std::string_view text) -> task<void> {
        co_await wait_all_tasks_blocked();
        std::error_code error = co_await error_of(c.near->write(std::string_view("disturbed")));
        require_busy(error, "a second write");
        error = co_await error_of(c.near->shutdown_write());
        require_busy(error, "shutdown_write beside a write");
        co_await expect_text(*c.far, text, reading::chunks);
    };
    co_await gather(c.near->write(text), disturb(c, text));
    co_await gather(c.near->write(std::string_view("on")), expect_text(*c.far, "on", reading::chunks));
}

constexpr stream_check checks[] = {
    {"the end is read after the last byte, and then each time", &end_is_repeated},
    {"one direction ends, and the other goes on", &half_close},
    {"nothing is written after the end", &no_write_after_the_end},
    {"the end wakes a reader that waits for it", &end_wakes_a_reader},
    {"a second reader is refused, and the first goes on", &one_reader},
    {"a second writer is refused, and the first goes on", &one_writer},
};

}  // namespace

std::span<const stream_check> end_checks() noexcept { return checks; }

}  // namespace async::inline v0::testing::internal
