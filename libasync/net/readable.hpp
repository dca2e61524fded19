// What the reading side of every kind of stream has in common: the bytes that were read ahead, and the one task that
// reads through them. buffered_reads.hpp gives it its public face. A kind of stream derives its state from `readable`.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <libasync/coro/task.hpp>
#include <libasync/detail/exchange.hpp>
#include <libasync/detail/owned.hpp>
#include <libasync/error.hpp>
#include <libasync/io/buffer.hpp>

namespace async::inline v0::detail {

struct stream_state;

// Bytes that have left the transport and that nobody was given yet. Whatever throws std::bad_alloc has changed nothing.
class read_ahead {
public:
    bool empty() const noexcept { return size() == 0; }
    std::size_t size() const noexcept { return older() + fresh_.size(); }

    // All of them, in one piece, until the next call. Throws std::bad_alloc.
    std::string_view view();

    // Makes them bytes of its own, so that a buffer of the engine goes back before a long wait. Throws std::bad_alloc.
    void own();

    // Takes the first `count`, which must be there. Throws std::bad_alloc.
    std::string take(std::size_t count);
    // Takes at least one, if there is one; or all. Both throw std::bad_alloc.
    chunk take_chunk();
    chunk take_all();
    std::size_t take_into(std::span<std::byte> into) noexcept;
    void drop(std::size_t count) noexcept;

    // Bytes that follow.
    void append(chunk&& data) noexcept {
        LIBASYNC_ASSERT(fresh_.empty(), "own() comes first");
        fresh_ = std::move(data);
    }

    // Bytes that come before. Both throw std::bad_alloc.
    void put_back(const_bytes bytes);
    void put_back(chunk&& data);
    // All that there is: it must be empty.
    void refill(std::string&& bytes) noexcept {
        LIBASYNC_ASSERT(empty(), "nothing else is there");
        bytes_ = std::move(bytes);
        used_ = 0;
    }

    bool reading = false;  // a task reads through this

private:
    std::size_t older() const noexcept { return bytes_.size() - used_; }
    void drop_older(std::size_t count) noexcept;
    void drop_fresh(std::size_t count) noexcept;

    std::string bytes_;  // the first part, from used_ on
    std::size_t used_ = 0;
    chunk fresh_;  // the second part
};

// The state of a stream. Counted by the stream and by what is under way: that may end after the stream is gone.
class readable {
public:
    readable(const readable&) = delete;
    readable& operator=(const readable&) = delete;

    void retain() noexcept { ++references; }
    void release() noexcept {
        if (--references == 0) delete this;
    }

    // What the transport gives next, at least one byte; empty at the end. Knows nothing of `ahead`. Refuses a second
    // reader, and fails with errc::closed on a closed stream. Cancel class: lossless.
    virtual task<chunk> fetch() = 0;
    virtual bool is_open() const noexcept = 0;
    // "read_line from 127.0.0.1:8080"
    virtual std::string describe(const char* operation) const = 0;
    // The state of a stream that is a socket of the operating system's; else null.
    virtual stream_state* of_system() noexcept { return nullptr; }

    // What a plain read has to do while there is something in `ahead`.
    enum class next_read : unsigned char {
        refused,  // errc::busy: a task reads through `ahead`
        ahead,    // the bytes there are next
        fetch,    // there are none; `ahead` is gone now
    };
    next_read begin_plain_read() noexcept;

    // The stream closes: what nobody was given is of no use any more.
    void drop_ahead() noexcept {
        if (ahead && !ahead->reading) ahead.reset();
    }

    owned<read_ahead> ahead;  // null: nothing was read ahead
    unsigned references = 1;
    bool ended = false;  // a read has seen the end

protected:
    readable() = default;
    virtual ~readable();
};

// Keeps the state of a stream, but not the stream open.
class readable_ref {
public:
    explicit readable_ref(readable* r) noexcept : state_(r) {
        if (state_) state_->retain();
    }
    readable_ref(const readable_ref& other) noexcept : readable_ref(other.state_) {}
    readable_ref(readable_ref&& other) noexcept : state_(detail::exchange(other.state_, nullptr)) {}
    readable_ref& operator=(readable_ref&&) = delete;
    ~readable_ref() {
        if (state_) state_->release();
    }

    readable* get() const noexcept { return state_; }
    readable& operator*() const noexcept { return *state_; }
    readable* operator->() const noexcept { return state_; }
    explicit operator bool() const noexcept { return state_ != nullptr; }

private:
    readable* state_;
};

// While it lives, one task reads through what was read ahead, and others are refused.
class reading_turn {
public:
    // Throws std::system_error, errc::closed or errc::busy; std::bad_alloc.
    reading_turn(const readable_ref& stream, const char* operation);
    reading_turn(const reading_turn&) = delete;
    reading_turn& operator=(const reading_turn&) = delete;
    ~reading_turn() { ahead().reading = false; }

    read_ahead& ahead() const noexcept { return *stream_.ahead; }

    // Puts there what `fetch` gave, after a call of own(); false at the end.
    bool append(chunk&& data) const noexcept {
        stream_.ended = data.empty();
        ahead().append(std::move(data));
        return !stream_.ended;
    }

    // Waits for more, and puts it there; false at the end. Throws what `fetch` throws. Cancel class: lossless.
    task<bool> more() const;

private:
    readable& stream_;
};

// The plain reads of streams whose awaits are tasks: what was read ahead, else what `fetch` gives.
// Both throw std::system_error, errc::closed or errc::busy; what `fetch` throws. Cancel class: lossless.
task<chunk> read_plainly(readable_ref stream);
task<std::size_t> read_some_plainly(readable_ref stream, std::span<std::byte> into);

// Throws std::system_error, errc::closed or errc::busy, for a call that awaits nothing; std::bad_alloc.
read_ahead& idle_ahead(readable* stream, const char* operation);

[[noreturn]] void throw_read_error(errc why, const readable* stream, const char* operation);

}  // namespace async::inline v0::detail
