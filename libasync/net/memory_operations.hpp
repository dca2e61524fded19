// What two streams in memory share, and what is awaited on them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include <libasync/coro/control_block.hpp>
#include <libasync/detail/exchange.hpp>
#include <libasync/detail/owned.hpp>
#include <libasync/net/readable.hpp>
#include <libasync/sync/waiter.hpp>

namespace async::inline v0::detail {

class memory_reader;
class memory_writer;

// What goes one way: bytes that are written and not read, and who waits for more of them or for room.
class memory_pipe {
public:
    // Throws std::bad_alloc.
    explicit memory_pipe(std::size_t capacity)
        : bytes_(capacity),
          capacity_(capacity) {}

    void retain() noexcept { ++references_; }
    void release() noexcept {
        if (--references_ == 0) delete this;
    }

    std::size_t size() const noexcept { return size_; }

    // As much as there is room for: the count. The reader goes on.
    std::size_t put(const_bytes from) noexcept;
    // The first bytes, which must be there.
    void copy_to(std::span<std::byte> into) const noexcept;
    // They are gone, and the writer goes on in their room.
    void drop(std::size_t count) noexcept;

    bool has_news() const noexcept { return size_ != 0 || ended || read_error != std::errc(); }

    // Nothing more is written; or the writer is lost, and after the last byte reads fail.
    void end() noexcept;
    void cut_off() noexcept;
    // Nothing more is read, and writes fail so.
    void deafen(std::errc of_writes) noexcept;
    // The stream on that side closes.
    void close_reader() noexcept;
    void close_writer() noexcept;

    memory_reader* reader = nullptr;  // from its begin until it has gone on
    memory_writer* writer = nullptr;
    bool ended = false;
    std::errc read_error{};
    std::errc write_error{};

private:
    friend memory_reader;
    friend memory_writer;

    wait_queue reading_;  // `reader`, while it waits
    wait_queue writing_;
    const owned_bytes bytes_;
    const std::size_t capacity_;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
    unsigned references_ = 0;
};

using memory_pipe_ptr = block_ptr<memory_pipe>;

// The state of one of the two streams.
class memory_end final : public readable {
public:
    enum class ending : unsigned char { orderly, abrupt };

    memory_end(memory_pipe_ptr i, memory_pipe_ptr o) noexcept : in(std::move(i)), out(std::move(o)) {}

    task<chunk> fetch() override;
    bool is_open() const noexcept override { return open; }
    std::string describe(const char* operation) const override;

    // What is pending here ends with errc::closed. May be repeated.
    void close(ending how) noexcept;

    bool open = true;
    bool broken = false;  // a write was cut short
    const memory_pipe_ptr in;
    const memory_pipe_ptr out;
    std::uint64_t written = 0;
};

struct memory_description {
    using async_native = void;
    explicit memory_description(memory_end* e) noexcept : end(e) {}

    // Keep the state while an awaiter refers to it.
    void retain() const noexcept {
        if (end) end->retain();
    }
    void release() const noexcept {
        if (end) end->release();
    }

    memory_end* end;
};

// Owns one end, and closes it.
class memory_end_ptr {
public:
    memory_end_ptr() = default;
    explicit memory_end_ptr(memory_end* e) noexcept : end_(e) {}
    memory_end_ptr(memory_end_ptr&& other) noexcept : end_(detail::exchange(other.end_, nullptr)) {}
    memory_end_ptr& operator=(memory_end_ptr&& other) noexcept {
        if (this != &other) {
            close(memory_end::ending::orderly);
            end_ = detail::exchange(other.end_, nullptr);
        }
        return *this;
    }
    ~memory_end_ptr() { close(memory_end::ending::orderly); }

    void close(memory_end::ending how) noexcept {
        if (memory_end* e = detail::exchange(end_, nullptr)) {
            e->close(how);
            e->release();
        }
    }

    memory_end* get() const noexcept { return end_; }
    memory_end* operator->() const noexcept { return end_; }
    explicit operator bool() const noexcept { return end_ != nullptr; }

private:
    memory_end* end_ = nullptr;
};

task<void> close_memory(memory_end_ptr end);

// Where bytes are waited for. A reader that was woken takes them when it goes on; until then no other may read.
class memory_reader : public sync_awaiter<memory_reader> {
public:
    enum class source : unsigned char { first_read_ahead, pipe_alone };

    bool begin();
    void line_up();

protected:
    memory_reader(memory_end* e, source s) noexcept : end_(e), keep_(e), source_(s) {}
    ~memory_reader() {
        leave_queue();
        leave_pipe();
    }

    virtual bool wants_nothing() const noexcept { return false; }
    virtual void take_ahead(read_ahead& ahead) = 0;

    // Raises, or throws, what it has ended with.
    void finish();
    // After that: the bytes that are there, none at the end.
    std::size_t bytes_there();

    memory_end* const end_;
    bool decided_ = false;  // it has what it wants, not from the pipe

private:
    friend memory_pipe;
    void leave_pipe() noexcept;

    const readable_ref keep_;
    const source source_;
    std::error_code error_;
};

class memory_some_reader final : public memory_reader {
public:
    memory_some_reader(memory_end* e, std::span<std::byte> i) noexcept
        : memory_reader(e, source::first_read_ahead),
          into_(i) {}
    std::size_t await_resume();

private:
    bool wants_nothing() const noexcept override { return into_.empty(); }
    void take_ahead(read_ahead& ahead) override { count_ = ahead.take_into(into_); }

    const std::span<std::byte> into_;
    std::size_t count_ = 0;
};

class memory_chunk_reader final : public memory_reader {
public:
    memory_chunk_reader(memory_end* e, source s) noexcept : memory_reader(e, s) {}
    chunk await_resume();

private:
    void take_ahead(read_ahead& ahead) override { data_ = ahead.take_chunk(); }

    chunk data_;
};

// A write is done when all of its bytes are in the pipe: those that found no room are put there by the reader.
class memory_writer : public sync_awaiter<memory_writer> {
public:
    bool begin();
    void line_up();
    void await_resume();

protected:
    explicit memory_writer(memory_end* e) noexcept : end_(e), keep_(e) {}
    ~memory_writer() {
        leave_queue();
        leave_pipe();
    }

    std::span<const const_bytes> buffers_;  // from the first that is not in the pipe whole

private:
    friend memory_pipe;
    bool push() noexcept;  // whether all is in the pipe now
    void leave_pipe() noexcept;

    memory_end* const end_;
    const readable_ref keep_;
    std::size_t offset_ = 0;  // in the first buffer
    std::uint64_t taken_ = 0;
    std::error_code error_;
};

template <std::size_t Count>
class memory_list_writer final : public memory_writer {
public:
    memory_list_writer(memory_end* e, const std::array<const_bytes, Count>& l) noexcept
        : memory_writer(e),
          list_(l) {
        buffers_ = list_;
    }

private:
    const std::array<const_bytes, Count> list_;
};

class memory_shutdown final : public sync_awaiter<memory_shutdown> {
public:
    explicit memory_shutdown(memory_end* e) noexcept : end_(e), keep_(e) {}
    bool begin();
    void line_up() noexcept {}
    void await_resume() { settle("shutdown_write of a memory stream"); }

private:
    memory_end* const end_;
    const readable_ref keep_;
};

struct [[nodiscard("a read happens when it is awaited")]] memory_read_description : memory_description {
    memory_read_description(memory_end* e, memory_reader::source s) noexcept : memory_description(e), from(s) {}
    auto operator co_await() const noexcept { return memory_chunk_reader(end, from); }
    memory_reader::source from;
};

struct [[nodiscard("a read happens when it is awaited")]] memory_read_some_description : memory_description {
    memory_read_some_description(memory_end* e, std::span<std::byte> i) noexcept : memory_description(e), into(i) {}
    auto operator co_await() const noexcept { return memory_some_reader(end, into); }
    std::span<std::byte> into;
};

template <std::size_t Count>
struct [[nodiscard("a write happens when it is awaited")]] memory_write_description : memory_description {
    memory_write_description(memory_end* e, const std::array<const_bytes, Count>& l) noexcept
        : memory_description(e),
          list(l) {}
    auto operator co_await() const noexcept { return memory_list_writer<Count>(end, list); }
    std::array<const_bytes, Count> list;
};

struct [[nodiscard("a shutdown happens when it is awaited")]] memory_shutdown_description : memory_description {
    using memory_description::memory_description;
    auto operator co_await() const noexcept { return memory_shutdown(end); }
};

}  // namespace async::inline v0::detail
