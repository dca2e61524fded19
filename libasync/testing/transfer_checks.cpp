// Bytes arrive, in order, each once, however they are written and read; and not all at once.
#include <libasync/coro/gather.hpp>
#include <libasync/coro/sleep.hpp>
#include <libasync/testing/stream_under_test.hpp>
#include <libasync/testing/wait_all_tasks_blocked.hpp>

namespace async::inline v0::testing::internal {

namespace {

constexpr std::size_t sizes[] = {1, 2, 3, 63, 64, 1000, 4095, 4096, 4097, 65'535, 65'536, 65'537, 1 << 20};
constexpr std::size_t pieces[] = {1, 7, 100, 4096, 50'000};
constexpr reading every_way[] = {reading::chunks, reading::pieces, reading::tiny_pieces, reading::in_turn};

task<void> many_sizes(stream_kit& kit) {
    connection c = co_await kit.connect();
    for (const std::size_t size : sizes) {
        const std::string text = pattern(size);
        for (const reading how : every_way) {
            if (how == reading::tiny_pieces && size > 10'000) continue;
            co_await gather(c.near->write(text), expect_text(*c.far, text, how));
        }
    }
}

task<void> write_in_pieces(stream_under_test& stream, std::string_view text, std::size_t piece) {
    while (!text.empty()) {
        const std::string_view part = text.substr(0, piece);
        co_await stream.write(part);
        text.remove_prefix(part.size());
    }
}

task<void> many_splits(stream_kit& kit) {
    connection c = co_await kit.connect();
    const std::string text = pattern(100'000);
    for (const std::size_t piece : pieces) {
        const std::string_view part = std::string_view(text).substr(0, piece * 1000);
        for (const reading how : every_way) {
            co_await gather(write_in_pieces(*c.near, part, piece), expect_text(*c.far, part, how));
        }
    }
}

task<void> write_vectors(stream_under_test& stream, std::string_view text, std::minstd_rand random) {
    while (!text.empty()) {
        std::string_view parts[3];
        for (std::string_view& part : parts) {
            part = text.substr(0, random() % 4 == 0 ? 0 : random() % 20'000);
            text.remove_prefix(part.size());
        }
        co_await stream.write(parts[0], parts[1], parts[2]);
    }
}

task<void> vectors(stream_kit& kit) {
    connection c = co_await kit.connect();
    const std::string text = pattern(300'000);
    for (const reading how : {reading::chunks, reading::pieces, reading::in_turn}) {
        co_await gather(write_vectors(*c.near, text, kit.random), expect_text(*c.far, text, how));
    }
}

task<void> nothing(stream_kit& kit) {
    connection c = co_await kit.connect();
    co_await c.near->write(std::string_view());
    co_await c.near->write(std::string_view(), std::string_view(), std::string_view());
    require(c.near->written() == 0, "written() counts bytes that were not there");
    const std::size_t count = co_await c.far->read_some({});
    require(count == 0, "read_some gives bytes where there is no room");
    co_await gather(c.near->write(std::string_view("x")), expect_text(*c.far, "x", reading::chunks));
}

task<void> both_directions(stream_kit& kit) {
    connection c = co_await kit.connect();
    const std::string text = pattern(1 << 20);
    const std::string_view shorter = std::string_view(text).substr(5, 900'000);
    co_await gather(c.near->write(text), c.far->write(shorter), expect_text(*c.far, text, reading::chunks),
                    expect_text(*c.near, shorter, reading::in_turn));
    require(c.near->written() == text.size(), "written() does not count what was written");
}

// A write that comes to an end is one more chance to fail; that it has not is never an accident.
task<void> back_pressure(stream_kit& kit) {
    connection c = co_await kit.connect();
    const std::string text = pattern(kit.more_than_buffers);
    bool ended = false;
    auto write = [](stream_under_test& stream, std::string_view text, bool& ended) -> task<void> {
        co_await stream.write(text);
        ended = true;
    };
    auto watch_and_read = [](stream_under_test& stream, std::string_view text, const bool& ended) -> task<void> {
        co_await wait_all_tasks_blocked();
        co_await sleep(std::chrono::milliseconds(20));
        co_await wait_all_tasks_blocked();
        require(!ended, "a write ends before the peer has read");
        co_await expect_text(stream, text, reading::chunks);
    };
    co_await gather(write(*c.near, text, ended), watch_and_read(*c.far, text, ended));
}

constexpr stream_check checks[] = {
    {"bytes arrive complete and in order, whatever their number", &many_sizes},
    {"bytes arrive complete and in order, however they are split", &many_splits},
    {"several buffers in one write arrive in their order", &vectors},
    {"writing and reading nothing has no effect", &nothing},
    {"both directions carry bytes at the same time", &both_directions},
    {"a write of more than all buffers hold waits for the reader", &back_pressure},
};

}  // namespace

std::span<const stream_check> transfer_checks() noexcept { return checks; }

}  // namespace async::inline v0::testing::internal
