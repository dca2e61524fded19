// What becomes of a stream whose write was cancelled.
#include <libasync/coro/timeout.hpp>
#include <libasync/coro/gather.hpp>
#include <libasync/coro/task_handle.hpp>
#include <libasync/testing/stream_under_test.hpp>
#include <libasync/testing/wait_all_tasks_blocked.hpp>

namespace async::inline v0::testing::internal {

namespace {

task<void> cut_short(stream_kit& kit) {
    connection c = co_await kit.connect();
    const std::string text = pattern(kit.more_than_buffers);
    auto writer = create_task(write_text(*c.near, text));
    co_await expect_text(*c.far, std::string_view(text).substr(0, 1), reading::tiny_pieces);  // a part has left
    co_await wait_all_tasks_blocked();
    writer.cancel();
    co_await writer.wait();
    require(writer.cancelled(), "a write that waits ignores its cancellation");
    const std::uint64_t sent = c.near->written();
    require(sent > 0, "written() does not count the bytes of a write that was cut short");
    require(sent < text.size(), "written() counts more than can have been sent");
    for (int i = 0; i < 2; ++i) {
        const std::error_code error = co_await error_of(c.near->write(std::string_view("on")));
        require(error == errc::broken, error ? "a later write gives " + error.message() : "a later write succeeds");
    }
    require(c.near->written() == sent, "written() counts bytes of a write that was refused");
    // The other direction is whole, and the peer reads what was sent, and nothing else.
    co_await gather(c.far->write(std::string_view("back")), expect_text(*c.near, "back", reading::chunks));
    auto close = [](stream_under_test& stream) -> task<void> { co_await stream.close(); };
    co_await gather(close(*c.near), expect_text(*c.far, std::string_view(text).substr(1, sent - 1), reading::chunks));
    co_await expect_end(*c.far);
}

enum class outcome : std::uint8_t { poisoned, unharmed };

// Writes pieces until one is cancelled: if that one has sent nothing, the stream is as good as before.
task<outcome> cancel_one_of(stream_kit& kit, std::size_t size) {
    connection c = co_await kit.connect();
    const std::string text = pattern(size);
    std::string sent;
    for (bool full = false; !full;) {
        require(sent.size() < kit.more_than_buffers, "the peer reads nothing, and more is taken than buffers hold");
        const auto written = co_await move_on_after(std::chrono::milliseconds(5), c.near->write(text));
        full = !written;
        if (written) sent += text;
    }
    if (c.near->written() != sent.size()) co_return outcome::poisoned;
    sent += text;
    co_await gather(c.near->write(text), expect_text(*c.far, sent, reading::chunks));
    co_return outcome::unharmed;
}

// One byte is sent or not; larger pieces fill the buffers faster.
task<void> nothing_sent(stream_kit& kit) {
    for (std::size_t size = 4096; size != 0; size /= 8) {
        const outcome found = co_await cancel_one_of(kit, size);
        if (found == outcome::unharmed) co_return;
    }
    require(false, "a write of one byte that was cancelled counts as sent in part");
}

constexpr stream_check checks[] = {
    {"a write that is cancelled after a part was sent poisons the stream", &cut_short},
    {"a write that is cancelled before a byte was sent does no harm", &nothing_sent},
};

}  // namespace

std::span<const stream_check> poisoning_checks() noexcept { return checks; }

}  // namespace async::inline v0::testing::internal
