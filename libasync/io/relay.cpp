#include <libasync/io/relay.hpp>

#include <cerrno>

#ifdef __linux__
#include <algorithm>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <libasync/io/fault_knobs.hpp>
#include <libasync/io/native_messages.hpp>
#endif

namespace async::inline v0::io {

#ifdef __linux__

namespace {

// Less would cost more calls than it saves copies; more keeps too much of the kernel's memory from others. A user may
// have so much in pipes, and gets small ones beyond (pipe(7)).
constexpr int most_room = 512 * 1024;
constexpr int least_room = 64 * 1024;

int descriptor_of(native_handle handle) noexcept { return static_cast<int>(handle); }

}  // namespace

relay::~relay() { close(); }

void relay::close() noexcept {
    if (!is_open()) return;
    ::close(descriptor_of(pipe_.first));
    ::close(descriptor_of(pipe_.second));
    pipe_ = {};
}

int relay::open() noexcept {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return errno;
    pipe_ = {ends[0], ends[1]};
    ::fcntl(descriptor_of(pipe_.second), F_SETPIPE_SZ, most_room);
    const int room = ::fcntl(descriptor_of(pipe_.second), F_GETPIPE_SZ);
    if (room < least_room) {
        close();
        return ENOSYS;
    }
    // A peer that is gone would end the program, and no flag of splice keeps that away.
    native::ignore_sigpipe();
    room_ = static_cast<std::size_t>(std::min(room, most_room));
    return 0;
}

transfer_result relay::fill(native_handle from, std::size_t least) noexcept {
    if (faults::happens(&faults::knobs::read_blocks)) return {0, 0};
    int there = 0;
    if (::ioctl(descriptor_of(from), FIONREAD, &there) != 0) return {0, errno};
    if (there <= 0 || static_cast<std::size_t>(there) < least) return {0, 0};
    // Its places are of pages, and one may be larger than the system counts it.
    if (held_ == room_) return {0, EAGAIN};
    const std::size_t most = faults::happens(&faults::knobs::short_reads) ? 1 : room_ - held_;
    const transfer_result moved = native::splice(from, pipe_.second, faults::cut(most, &faults::knobs::read_max));
    held_ += moved.bytes;
    return moved;
}

transfer_result relay::drain(native_handle to) noexcept {
    if (faults::happens(&faults::knobs::write_blocks)) return {0, EAGAIN};
    const transfer_result moved = native::splice(pipe_.first, to, faults::cut(held_, &faults::knobs::write_max));
    held_ -= moved.bytes;
    return moved;
}

std::size_t relay::take_back(std::span<std::byte> into) noexcept {
    std::size_t taken = 0;
    while (held_ != 0) {
        const std::span<std::byte> rest = into.subspan(taken);
        const transfer_result got = read_pipe_now(pipe_.first, rest.data(), std::min(rest.size(), held_));
        if (got.bytes == 0) break;
        held_ -= got.bytes;
        taken += got.bytes;
    }
    return taken;
}

#else

relay::~relay() = default;
void relay::close() noexcept {}
int relay::open() noexcept { return ENOSYS; }
transfer_result relay::fill(native_handle, std::size_t) noexcept { return {0, ENOSYS}; }
transfer_result relay::drain(native_handle) noexcept { return {0, ENOSYS}; }
std::size_t relay::take_back(std::span<std::byte>) noexcept { return 0; }

#endif

}  // namespace async::inline v0::io
