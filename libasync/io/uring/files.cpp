// Files: requests where the kernel knows the operation, the thread pool where it does not.
#include <libasync/io/uring/uring_engine.hpp>

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

#include <libasync/io/fault_knobs.hpp>
#include <libasync/io/system_calls.hpp>

namespace async::inline v0::io::uring {

namespace {

constexpr mode_t new_file_mode = 0666;
constexpr std::size_t max_bytes = 0x7ffff000;  // what the kernel transfers at once

int open_flags(open_mode mode) noexcept {
    switch (mode) {
        case open_mode::read: return O_RDONLY | O_CLOEXEC;
        case open_mode::write: return O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
        case open_mode::append: return O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
        case open_mode::read_write: return O_RDWR | O_CLOEXEC;
        case open_mode::create_new: return O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC;
    }
    return O_RDONLY | O_CLOEXEC;
}

}  // namespace

bool uring_engine::runs_in_pool(op_kind kind) const noexcept {
    switch (kind) {
        case op_kind::work: return true;
        case op_kind::open_file: return !features_.open_file;
        case op_kind::read_at: return !features_.read_file;
        case op_kind::write_at: return !features_.write_file;
        case op_kind::sync_file: return !features_.sync_file;
        case op_kind::close_file: return !features_.close_file;
        default: return false;
    }
}

namespace {

// To the ring an offset of -1 means the position of the descriptor; pread(2) knows no such thing.
bool names_no_position(const operation& op) noexcept {
    if (op.kind != op_kind::read_at && op.kind != op_kind::write_at) return false;
    return static_cast<const transfer_op&>(op).offset > static_cast<std::uint64_t>(INT64_MAX);
}

}  // namespace

bool uring_engine::start_file(operation& op) noexcept {
    if (op.kind == op_kind::file_size) {  // never waits for the disk
        struct stat status;
        if (::fstat(static_cast<int>(static_cast<file_op&>(op).file), &status) == 0) {
            op.result = status.st_size;
        } else {
            op.error = errno;
        }
        return done_in_place(op);
    }
    if (runs_in_pool(op.kind)) return start_in_pool(op);
    if (names_no_position(op)) {
        op.error = EINVAL;
        return done_in_place(op);
    }
    if (faults::strikes(op)) return done_in_place(op);
    op.state = op_state::pending;
    submit(op);
    return false;
}

void uring_engine::prepare_file(operation& op, io_uring_sqe& sqe) noexcept {
    const auto transfer_size = [](const transfer_op& t) { return static_cast<unsigned>(std::min(t.size, max_bytes)); };
    switch (op.kind) {
        case op_kind::open_file: {
            auto& o = static_cast<open_file_op&>(op);
            return io_uring_prep_openat(&sqe, AT_FDCWD, o.path, open_flags(o.mode), new_file_mode);
        }
        case op_kind::read_at: {
            auto& t = static_cast<transfer_op&>(op);
            return io_uring_prep_read(&sqe, static_cast<int>(t.file), t.data, transfer_size(t), t.offset);
        }
        case op_kind::write_at: {
            auto& t = static_cast<transfer_op&>(op);
            return io_uring_prep_write(&sqe, static_cast<int>(t.file), t.data, transfer_size(t), t.offset);
        }
        case op_kind::sync_file: return io_uring_prep_fsync(&sqe, static_cast<int>(static_cast<file_op&>(op).file), 0);
        default: return io_uring_prep_close(&sqe, static_cast<int>(static_cast<file_op&>(op).file));
    }
}

void uring_engine::on_file(operation& op, int result) noexcept {
    const bool again = (result == -EAGAIN || result == -EINTR) && op.kind != op_kind::close_file;
    if (again && op.phase != cancelling) return submit(op);
    if (result >= 0) {
        if (op.kind == op_kind::open_file) {
            static_cast<open_file_op&>(op).opened = file_handle(result, native_calls());
        } else {
            op.result = result;
        }
    }
    finish(op, again ? error_cancelled : std::max(-result, 0));
}

}  // namespace async::inline v0::io::uring
