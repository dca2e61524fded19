#include <libasync/net/buffered_reads.hpp>

#include <algorithm>
#include <optional>
#include <stdexcept>

#include <libasync/coro/checkpoint.hpp>
#include <libasync/net/stream_operations.hpp>

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

// Takes the bytes once nothing can fail any more.
incomplete_read take_incomplete(const readable& stream, const char* operation, std::size_t expected) {
    read_ahead& ahead = *stream.ahead;
    incomplete_read error(stream.describe(operation), std::string(ahead.view()), expected);
    ahead.drop(ahead.size());
    return error;
}

// The kinds of messages: `is_complete` looks at what has come so far, and `at_end` says what becomes of it if nothing
// follows. Then `size` bytes are the message. Both throw what the read throws.

struct counted_message {
    static constexpr const char* operation = "read_exactly from";

    bool is_complete(const readable& stream) const { return stream.ahead->size() >= size; }
    void at_end(const readable& stream) const { throw take_incomplete(stream, operation, size); }

    std::size_t size;
};

// Up to a separator.
class separated_message {
public:
    static constexpr const char* operation = "read_until from";

    separated_message(separator_set s, std::size_t limit) noexcept : separators_(std::move(s)), limit_(limit) {}

    bool is_complete(const readable& stream) {
        if (look_at(stream.ahead->view()) == finding::too_long)
            throw limit_overrun(stream.describe(operation), match_.begin);
        size = match_.end;
        return size != 0;
    }
    void at_end(const readable& stream) const { throw take_incomplete(stream, operation, 0); }

    std::size_t size = 0;

protected:
    enum class finding : unsigned char { nothing_yet, message, too_long };
    finding look_at(std::string_view text) noexcept {
        match_ = separators_.find(text, looked_at_);
        if (match_.end != 0) return match_.begin > limit_ ? finding::too_long : finding::message;
        looked_at_ = text.size() + 1 > separators_.longest() ? text.size() + 1 - separators_.longest() : 0;
        match_.begin = looked_at_;
        return looked_at_ > limit_ ? finding::too_long : finding::nothing_yet;
    }

    separator_set::match match_;  // of one that is too long, the end only if it has come

private:
    separator_set separators_;
    std::size_t limit_;
    std::size_t looked_at_ = 0;
};

class line : public separated_message {
public:
    static constexpr const char* operation = "read_line from";

    explicit line(std::size_t limit) : separated_message(separator_set("\n"), limit) {}

    bool is_complete(const readable& stream) {
        if (look_at(stream.ahead->view()) == finding::too_long) {
            limit_overrun error(stream.describe(operation), match_.begin);
            stream.ahead->drop(match_.end != 0 ? match_.end : stream.ahead->size());
            throw error;
        }
        size = match_.end;
        return size != 0;
    }
    void at_end(const readable& stream) noexcept { size = stream.ahead->size(); }
};

struct all_there_is {
    static constexpr const char* operation = "read_all from";

    bool is_complete(const readable& stream) const {
        if (stream.ahead->size() > limit) throw limit_overrun(stream.describe(operation), stream.ahead->size());
        return false;
    }
    void at_end(const readable& stream) noexcept { size = stream.ahead->size(); }

    std::size_t limit;
    std::size_t size = 0;
};

// A socket is read by an operation in this frame: a task for it would cost another one.
template <class Message>
task<std::string> read_message(readable_ref stream, Message message) {
    co_await checkpoint();
    const reading_turn turn(stream, Message::operation);
    bool there = true;
    while (there && !message.is_complete(*stream)) {
        turn.ahead().own();
        if (stream_state* const socket = stream->of_system()) {
            chunk data = co_await fetch_description(socket);
            there = turn.append(std::move(data));
        } else {
            chunk data = co_await stream->fetch();
            there = turn.append(std::move(data));
        }
    }
    if (!there) message.at_end(*stream);
    co_return turn.ahead().take(message.size);
}

}  // namespace

task<std::string> read_exactly_from(readable_ref stream, std::size_t count) {
    return read_message(std::move(stream), counted_message{count});
}

task<std::string> read_until_from(readable_ref stream, separator_set separators, std::size_t limit) {
    return read_message(std::move(stream), separated_message(std::move(separators), limit));
}

task<std::string> read_line_from(readable_ref stream, std::size_t limit) {
    return read_message(std::move(stream), line(limit));
}

task<std::string> read_all_from(readable_ref stream, std::size_t limit) {
    return read_message(std::move(stream), all_there_is{limit});
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
