#include <libasync/net/buffered_reads.hpp>

#include <algorithm>
#include <optional>
#include <stdexcept>

#include <libasync/coro/checkpoint.hpp>

namespace async::inline v0::detail {

namespace {

std::string_view checked(std::string_view separator) {
    if (separator.empty()) throw std::invalid_argument("read_until: an empty separator");
    return separator;
}

}  // namespace

separator_set::separator_set(std::string_view separator) : text_(checked(separator)), longest_(separator.size()) {}

separator_set::separator_set(std::span<const std::string_view> separators) {
    if (separators.empty()) throw std::invalid_argument("read_until: no separator");
    for (const std::string_view separator : separators) {
        text_ += checked(separator);
        ends_.push_back(text_.size());
        longest_ = std::max(longest_, separator.size());
    }
}

separator_set::match separator_set::find(std::string_view text, std::size_t from) const noexcept {
    match first;
    const auto look_for = [&](std::string_view separator) {
        const std::size_t at = text.find(separator, from);
        if (at == text.npos) return;
        const match found{at, at + separator.size()};
        if (first.end == 0 || found.end < first.end || found.begin > first.begin) first = found;
        text = text.substr(0, first.end);
    };
    if (ends_.empty()) look_for(text_);
    std::size_t begin = 0;
    for (const std::size_t end : ends_) {
        look_for(std::string_view(text_).substr(begin, end - begin));
        begin = end;
    }
    return first;
}

namespace {

// Looks for the end of a message in what has arrived so far.
class message_search {
public:
    message_search(const separator_set& s, std::size_t limit) noexcept : separators_(s), limit_(limit) {}

    enum class finding : unsigned char { nothing_yet, message, too_long };
    finding look_at(std::string_view text) noexcept {
        match = separators_.find(text, looked_at_);
        if (match.end != 0) return match.begin > limit_ ? finding::too_long : finding::message;
        looked_at_ = text.size() + 1 > separators_.longest() ? text.size() + 1 - separators_.longest() : 0;
        match.begin = looked_at_;
        return looked_at_ > limit_ ? finding::too_long : finding::nothing_yet;
    }

    separator_set::match match;  // of one that is too long, the end only if it has come

private:
    const separator_set& separators_;
    const std::size_t limit_;
    std::size_t looked_at_ = 0;
};

using finding = message_search::finding;

// Takes the bytes once nothing can fail any more.
incomplete_read take_incomplete(const readable& stream, const char* operation, std::size_t expected) {
    read_ahead& ahead = *stream.ahead;
    incomplete_read error(stream.describe(operation), std::string(ahead.view()), expected);
    ahead.drop(ahead.size());
    return error;
}

}  // namespace

task<std::string> read_exactly_from(readable_ref stream, std::size_t count) {
    co_await checkpoint();
    const reading_turn turn(stream, "read_exactly from");
    while (turn.ahead().size() < count) {
        const bool there = co_await turn.more();
        if (!there) throw take_incomplete(*stream, "read_exactly from", count);
    }
    co_return turn.ahead().take(count);
}

task<std::string> read_until_from(readable_ref stream, separator_set separators, std::size_t limit) {
    co_await checkpoint();
    const reading_turn turn(stream, "read_until from");
    message_search search(separators, limit);
    for (;;) {
        const finding found = search.look_at(turn.ahead().view());
        if (found == finding::too_long) throw limit_overrun(stream->describe("read_until from"), search.match.begin);
        if (found == finding::message) break;
        const bool there = co_await turn.more();
        if (!there) throw take_incomplete(*stream, "read_until from", 0);
    }
    co_return turn.ahead().take(search.match.end);
}

task<std::string> read_line_from(readable_ref stream, std::size_t limit) {
    co_await checkpoint();
    const reading_turn turn(stream, "read_line from");
    const separator_set separators("\n");
    message_search search(separators, limit);
    std::size_t size = 0;
    for (;;) {
        const finding found = search.look_at(turn.ahead().view());
        if (found == finding::too_long) {
            limit_overrun error(stream->describe("read_line from"), search.match.begin);
            turn.ahead().drop(search.match.end != 0 ? search.match.end : turn.ahead().size());
            throw error;
        }
        size = search.match.end;
        if (found == finding::message) break;
        const bool there = co_await turn.more();
        if (!there) {
            size = turn.ahead().size();
            break;
        }
    }
    co_return turn.ahead().take(size);
}

task<std::string> read_all_from(readable_ref stream, std::size_t limit) {
    co_await checkpoint();
    const reading_turn turn(stream, "read_all from");
    for (bool there = true; there;) {
        if (turn.ahead().size() > limit) throw limit_overrun(stream->describe("read_all from"), turn.ahead().size());
        there = co_await turn.more();
    }
    co_return turn.ahead().take(turn.ahead().size());
}

generator<std::string> lines_from(readable_ref stream, std::size_t limit) {
    for (;;) {
        std::string line = co_await read_line_from(stream, limit);
        if (line.empty()) co_return;
        co_yield std::move(line);
    }
}

chunk take_buffered(readable* stream) {
    if (stream == nullptr || !stream->ahead) return {};
    if (stream->ahead->reading) throw_read_error(errc::busy, stream, "take_buffered from");
    chunk taken = stream->ahead->take_all();
    stream->ahead.reset();
    return taken;
}

}  // namespace async::inline v0::detail
