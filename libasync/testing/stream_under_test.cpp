#include <libasync/testing/stream_under_test.hpp>

#include <algorithm>
#include <array>

namespace async::inline v0::testing::internal {

std::string pattern(std::size_t size) {
    constexpr std::size_t period = 100'003;
    std::string text(std::min(size, period), '\0');
    std::minstd_rand random(7);
    for (char& c : text) c = static_cast<char>('a' + random() % 26);
    text.reserve(size);
    while (text.size() < size) text.append(text, 0, std::min(period, size - text.size()));
    return text;
}

namespace {

std::size_t room_for(reading how) noexcept {
    switch (how) {
        case reading::tiny_pieces: return 3;
        case reading::pieces: return 5000;
        default: return 0;
    }
}

// What one read gives.
task<std::string> read_once(stream_under_test& stream, std::size_t room, std::source_location where) {
    if (room == 0) {
        const chunk data = co_await stream.read();
        co_return std::string(data.text());
    }
    std::string text(room, '\0');
    const std::size_t count = co_await stream.read_some(std::as_writable_bytes(std::span(text)));
    require(count <= room, "read_some gives more than there is room for", where);
    text.resize(count);
    co_return text;
}

}  // namespace

task<void> expect_text(stream_under_test& stream, std::string_view expected, reading how, std::source_location where) {
    std::size_t used = 0;
    for (std::size_t round = 0; used < expected.size(); ++round) {
        std::size_t room = room_for(how);
        if (how == reading::in_turn) room = round % 3 == 0 ? 0 : round % 3 * 1000;
        const std::string text = co_await read_once(stream, std::min(room, expected.size() - used), where);
        const std::string at = " at byte " + std::to_string(used) + " of " + std::to_string(expected.size());
        require(!text.empty(), "the end is read" + at, where);
        require(text.size() <= expected.size() - used, "more arrives than was sent" + at, where);
        require(expected.substr(used, text.size()) == text, "other bytes arrive than were sent" + at, where);
        used += text.size();
    }
}

task<void> expect_end(stream_under_test& stream, std::source_location where) {
    for (int i = 0; i < 3; ++i) {
        const chunk data = co_await stream.read();
        require(data.empty(), "read() gives bytes after the last", where);
        std::array<std::byte, 4> memory;
        const std::size_t count = co_await stream.read_some(memory);
        require(count == 0, "read_some gives bytes after the last", where);
    }
}

task<void> write_text(stream_under_test& stream, std::string text) { co_await stream.write(text); }

task<std::error_code> error_of(task<void> t) {
    try {
        co_await std::move(t);
    } catch (const std::system_error& e) {
        co_return e.code();
    }
    co_return std::error_code{};
}

task<std::error_code> error_of_read(stream_under_test& stream) {
    auto read = [](task<chunk> t) -> task<void> { static_cast<void>(co_await std::move(t)); };
    return error_of(read(stream.read()));
}

task<std::error_code> error_of_read_some(stream_under_test& stream) {
    auto read = [](stream_under_test& s) -> task<void> {
        std::array<std::byte, 4> memory;
        static_cast<void>(co_await s.read_some(memory));
    };
    return error_of(read(stream));
}

}  // namespace async::inline v0::testing::internal
