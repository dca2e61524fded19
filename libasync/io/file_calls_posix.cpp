#ifndef _WIN32

#include <libasync/io/file_calls.hpp>

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace async::inline v0::io {

namespace {

// Some systems refuse larger transfers; a short one is allowed.
constexpr std::size_t max_transfer = std::size_t{1} << 30;

int flags_of(open_mode mode) noexcept {
    switch (mode) {
        case open_mode::read: return O_RDONLY;
        case open_mode::write: return O_WRONLY | O_CREAT | O_TRUNC;
        case open_mode::append: return O_WRONLY | O_CREAT | O_APPEND;
        case open_mode::read_write: return O_RDWR;
        case open_mode::create_new: return O_RDWR | O_CREAT | O_EXCL;
    }
    return O_RDONLY;
}

// Repeats a call that a signal interrupted. True if it succeeded; records the error else.
template <class Call>
bool attempt(operation& op, Call call) noexcept {
    do {
        op.result = static_cast<std::int64_t>(call());
    } while (op.result < 0 && errno == EINTR);
    if (op.result >= 0) return true;
    op.error = errno;
    op.result = 0;
    return false;
}

void open(open_file_op& op) noexcept {
    if (attempt(op, [&] { return ::open(op.path, flags_of(op.mode) | O_CLOEXEC, 0666); }))
        op.opened = file_handle(static_cast<native_handle>(std::exchange(op.result, 0)), native_calls());
}

void read(transfer_op& op) noexcept {
    attempt(op, [&] {
        return ::pread(static_cast<int>(op.file), op.data, std::min(op.size, max_transfer),
                       static_cast<off_t>(op.offset));
    });
}

void write(transfer_op& op) noexcept {
    attempt(op, [&] {
        return ::pwrite(static_cast<int>(op.file), op.data, std::min(op.size, max_transfer),
                        static_cast<off_t>(op.offset));
    });
}

void measure(file_op& op) noexcept {
    struct stat status;
    if (attempt(op, [&] { return ::fstat(static_cast<int>(op.file), &status); })) op.result = status.st_size;
}

void sync(file_op& op) noexcept {
    attempt(op, [&] { return ::fsync(static_cast<int>(op.file)); });
}

// Whatever close says, the descriptor is gone.
void close(file_op& op) noexcept {
    if (::close(static_cast<int>(op.file)) != 0 && errno != EINTR) op.error = errno;
}

}  // namespace

void execute_blocking(operation& op) noexcept {
    switch (op.kind) {
        case op_kind::open_file: return open(static_cast<open_file_op&>(op));
        case op_kind::read_at: return read(static_cast<transfer_op&>(op));
        case op_kind::write_at: return write(static_cast<transfer_op&>(op));
        case op_kind::file_size: return measure(static_cast<file_op&>(op));
        case op_kind::sync_file: return sync(static_cast<file_op&>(op));
        case op_kind::close_file: return close(static_cast<file_op&>(op));
        case op_kind::work: {
            auto& work = static_cast<work_op&>(op);
            return work.function(work);
        }
        default: op.error = EINVAL;
    }
}

void close_file(native_handle file) noexcept { ::close(static_cast<int>(file)); }

#if defined(__linux__) && defined(RWF_NOWAIT)

// The kernel reads files ahead in pieces of about that: whether one byte is there tells for those around it.
std::size_t cached(native_handle file, std::uint64_t offset, std::size_t count) noexcept {
    constexpr std::size_t piece = std::size_t{64} * 1024;
    const auto is_there = [&](std::size_t at) {
        std::byte one;
        iovec into{&one, 1};
        return ::preadv2(static_cast<int>(file), &into, 1, static_cast<off_t>(offset + at), RWF_NOWAIT) >= 0 ||
               errno != EAGAIN;
    };
    if (count == 0) return 0;
    std::size_t there = 0;
    while (there < count && is_there(there)) there += piece;
    if (there < count || is_there(count - 1)) return std::min(there, count);
    return (count - 1) / piece * piece;
}

#else

std::size_t cached(native_handle, std::uint64_t, std::size_t count) noexcept { return count; }

#endif

}  // namespace async::inline v0::io

#endif
