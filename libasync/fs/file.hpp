// Files, read and written at positions. On io_uring by the ring, elsewhere by threads; never blocking the loop.
//
//   async::file f = co_await async::file::open("data.bin", async::open_mode::read);
//   std::size_t got = co_await f.read_at(buffer, 4096);
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <libasync/coro/io_awaiter.hpp>
#include <libasync/coro/task.hpp>
#include <libasync/detail/exchange.hpp>

namespace async::inline v0 {

// read: must exist. write: created or truncated. append: created, writes go to the end. read_write: must exist.
// create_new: for reading and writing, must not exist.
using io::open_mode;

namespace detail {

// Shared by a file and its pending operations, counted.
struct file_state {
    void retain() noexcept { ++references; }
    void release() noexcept {
        if (--references == 0) delete this;
    }

    io::file_handle handle;
    std::string path;
    unsigned references = 1;
    unsigned pending = 0;  // operations that use the handle
    bool close_wanted = false;
};

std::string describe_file(const char* operation, const file_state* file);

// Counts the operations that use a file's handle: it is closed when none does any more.
template <class Description>
struct file_description : io_description<Description> {
    explicit file_description(file_state* f) noexcept : file(f) {}

    void retain() const noexcept {
        if (file == nullptr) return;
        file->retain();
        ++file->pending;
    }
    void release() const noexcept {
        if (file == nullptr) return;
        if (--file->pending == 0 && file->close_wanted) file->handle.reset();
        file->release();
    }
    native_handle handle() const noexcept { return file ? file->handle.get() : invalid_handle; }
    void check(io::operation& op) const noexcept {
        if (handle() == invalid_handle || file->close_wanted) op.fail_early(errc::closed);
    }

    file_state* file;
};

struct [[nodiscard("a read happens when it is awaited")]] read_at_description : file_description<read_at_description> {
    using operation = io::transfer_op;
    using value_type = std::size_t;

    read_at_description(file_state* f, std::span<std::byte> b, std::uint64_t o) noexcept
        : file_description(f),
          into(b),
          offset(o) {}
    operation make() const noexcept { return {io::op_kind::read_at, handle(), into.data(), into.size(), offset}; }
    value_type finish(operation& op) const noexcept { return static_cast<std::size_t>(op.result); }
    std::string what() const { return describe_file("read_at of", file); }

    std::span<std::byte> into;
    std::uint64_t offset;
};

struct [[nodiscard("a file's size is read when it is awaited")]] file_size_description
    : file_description<file_size_description> {
    using operation = io::file_op;
    using value_type = std::uint64_t;

    using file_description::file_description;
    operation make() const noexcept { return {io::op_kind::file_size, handle()}; }
    value_type finish(operation& op) const noexcept { return static_cast<std::uint64_t>(op.result); }
    std::string what() const { return describe_file("size of", file); }
};

struct [[nodiscard("a sync happens when it is awaited")]] sync_description : file_description<sync_description> {
    using operation = io::file_op;
    using value_type = void;

    using file_description::file_description;
    operation make() const noexcept { return {io::op_kind::sync_file, handle()}; }
    void finish(operation&) const noexcept {}
    std::string what() const { return describe_file("sync of", file); }
};

}  // namespace detail

// Move-only. Any number of operations may be pending at once. Destroying the file closes it, in place, as soon as
// nothing is pending.
//
// A cancelled operation may have taken effect all the same: the kernel finishes what it has begun on a disk, and the
// await waits for that. Errors are std::system_error with the operation and the path in the message.
class file {
public:
    // Closed: every operation gives errc::closed.
    file() = default;
    file(file&& other) noexcept : state_(detail::exchange(other.state_, nullptr)) {}
    file& operator=(file&& other) noexcept;
    ~file() { drop(); }

    // Throws std::system_error, for example no_such_file_or_directory. Cancel class: deferred; a file that was opened
    // all the same is closed.
    static task<file> open(std::string_view path, open_mode mode = open_mode::read);

    // Reads up to into.size() bytes at `offset`; gives the count, 0 at or beyond the end (pread(2)).
    // Cancel class: deferred.
    auto read_at(std::span<std::byte> into, std::uint64_t offset) noexcept {
        return detail::read_at_description(state_, into, offset);
    }

    // Writes all of `bytes` at `offset` (pwrite(2)); they must stay where they are until then. After an error, for
    // example no_space_on_device, an unknown part has been written. Cancel class: deferred.
    task<void> write_at(const_bytes bytes, std::uint64_t offset) { return write_all(state_, bytes, offset); }

    // In bytes. Throws std::system_error. Cancel class: deferred.
    auto size() noexcept { return detail::file_size_description(state_); }

    // Returns when what was written has reached the disk (fsync(2)). Cancel class: deferred.
    auto sync() noexcept { return detail::sync_description(state_); }

    // Closes, and reports an error that the system kept until then. May be repeated. errc::busy while operations are
    // pending. Takes effect even in a cancelled scope. Cancel class: deferred.
    task<void> close();

    bool is_open() const noexcept { return state_ != nullptr && static_cast<bool>(state_->handle); }
    native_handle handle() const noexcept { return state_ ? state_->handle.get() : invalid_handle; }

private:
    static task<file> open_copy(std::string path, open_mode mode);
    static task<void> write_all(detail::file_state* state, const_bytes bytes, std::uint64_t offset);
    void drop() noexcept;

    detail::file_state* state_ = nullptr;
};

// The whole file. Throws std::system_error, with the path. Cancel class: deferred.
task<std::string> read_file(std::string_view path);

// Replaces the file's contents, or creates it. Throws std::system_error, with the path; a part may have been written
// then, as after a cancellation. Cancel class: deferred.
task<void> write_file(std::string_view path, const_bytes bytes);

}  // namespace async::inline v0
