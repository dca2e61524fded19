// Reading in asyncio's manner, from every kind of stream: by number, by separator, by line, to the end.
//
//   const std::string head = co_await stream.read_until("\r\n\r\n", {.limit = 8192});
//   const std::string body = co_await stream.read_exactly(length_in(head));
//
//   auto lines = stream.lines();
//   while (auto line = co_await lines.next()) use(*line);
//
// The streams of the library have these functions by themselves. One of your own gets them from buffered_reader.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <libasync/coro/generator.hpp>
#include <libasync/net/read_errors.hpp>
#include <libasync/net/readable.hpp>

namespace async::inline v0 {

struct read_options {
    // Bytes that a message may have, its separator not counted.
    std::size_t limit = std::size_t{64} * 1024;
};
static_assert(std::is_trivially_destructible_v<read_options>);

template <class Stream>
class buffered_reads;

namespace detail {

// One separator or several.
class separator_set {
public:
    // Both throw std::invalid_argument if there is none, or one is empty.
    explicit separator_set(std::string_view separator);
    explicit separator_set(std::span<const std::string_view> separators);

    struct match {
        std::size_t begin = 0;
        std::size_t end = 0;  // 0: none was found
    };
    // The separator that ends first; where two do, the shorter one. Looks from `from` on.
    match find(std::string_view text, std::size_t from) const noexcept;

    std::size_t longest() const noexcept { return longest_; }

private:
    std::string text_;                // one after the other
    std::vector<std::size_t> ends_;   // in there; none if there is one separator
    std::size_t longest_ = 0;
};

// For what else reads through the buffer of a stream.
struct reading_access {
    template <class Stream>
    static readable* state_of(const buffered_reads<Stream>& stream) noexcept {
        return stream.state();
    }
};

task<std::string> read_exactly_from(readable_ref stream, std::size_t count);
task<std::string> read_until_from(readable_ref stream, separator_set separators, std::size_t limit);
task<std::string> read_line_from(readable_ref stream, std::size_t limit);
task<std::string> read_all_from(readable_ref stream, std::size_t limit);
generator<std::string> lines_from(readable_ref stream, std::size_t limit);
chunk take_buffered(readable* stream);

}  // namespace detail

// What a stream has read and not given yet, its buffer, comes first in whatever is read next, plain reads included. It
// is made when it is needed; reads that need none cost nothing.
//
// One task reads at a time: another read meanwhile, of whatever kind, gets errc::busy. All of these reads are lossless:
// whatever has arrived when one is cancelled, or fails, is in the buffer. What arrived before an error is given before
// it, as far as it is what was asked for; the error comes then, and stays. What was left is given by plain reads.
//
// They throw what `read` throws; std::bad_alloc, and have lost nothing then.
template <class Stream>
class buffered_reads {
public:
    // So many bytes. Throws incomplete_read if the stream ends before, with those that came. Memory is taken as bytes
    // come, so a large number alone costs nothing; but how much may come is for the caller to limit.
    // Cancel class: lossless.
    task<std::string> read_exactly(std::size_t count) { return detail::read_exactly_from(reading(), count); }

    // All up to a separator, and the separator. Throws limit_overrun if more than the limit stands before it: what came
    // stays in the buffer; incomplete_read if the stream ends before it; std::invalid_argument for an empty separator.
    // Cancel class: lossless.
    task<std::string> read_until(std::string_view separator, read_options options = {}) {
        return detail::read_until_from(reading(), detail::separator_set(separator), options.limit);
    }

    // The same with several: the one that ends first ends the message. Cancel class: lossless.
    task<std::string> read_until(std::span<const std::string_view> separators, read_options options = {}) {
        return detail::read_until_from(reading(), detail::separator_set(separators), options.limit);
    }

    // A line, with its "\n"; at the end of the stream the rest, without; then an empty string, each time.
    // Throws limit_overrun for a longer line, and drops it, as asyncio does, so that the next call gives the next line:
    // all up to its "\n" if that has come, else what has come of it. Cancel class: lossless.
    task<std::string> read_line(read_options options = {}) { return detail::read_line_from(reading(), options.limit); }

    // All up to the end of the stream; at most 16 MiB, if not told otherwise. Throws limit_overrun if it is more: what
    // came stays in the buffer. Cancel class: lossless.
    task<std::string> read_all(read_options options = {.limit = std::size_t{16} << 20}) {
        return detail::read_all_from(reading(), options.limit);
    }

    // Line after line, as read_line gives them, up to the end. Other reads in between are in order. The stream may
    // go first: errc::closed. Cancel class of its next(): lossless.
    generator<std::string> lines(read_options options = {}) { return detail::lines_from(reading(), options.limit); }

    // Whether the end has been read, and the buffer is empty; a closed stream has no more either. An end that has come
    // but was not read yet is not seen.
    bool at_eof() const noexcept {
        const detail::readable* s = state();
        return s == nullptr || !s->is_open() || (s->ended && buffered() == 0);
    }

    // Bytes in the buffer.
    std::size_t buffered() const noexcept {
        const detail::readable* s = state();
        return s && s->ahead ? s->ahead->size() : 0;
    }

    // Puts bytes back: the next read, of whatever kind, begins with them. Not while a plain read is pending: that one
    // does not see them. Throws std::system_error, errc::closed, or errc::busy beside another read; std::bad_alloc.
    void unread(const_bytes bytes) { detail::idle_ahead(state(), "unread to").put_back(bytes); }
    void unread(chunk data) { detail::idle_ahead(state(), "unread to").put_back(std::move(data)); }

    // Takes all of the buffer, for who goes on with the connection in other ways; empty if there is nothing. Throws
    // std::system_error, errc::busy beside another read; std::bad_alloc.
    chunk take_buffered() { return detail::take_buffered(state()); }

private:
    friend detail::reading_access;
    detail::readable* state() const noexcept { return static_cast<const Stream&>(*this).reading_state(); }
    detail::readable_ref reading() const noexcept { return detail::readable_ref(state()); }
};

}  // namespace async::inline v0
