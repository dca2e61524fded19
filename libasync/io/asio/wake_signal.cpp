#ifndef _WIN32

#include <libasync/io/asio/wake_signal.hpp>

#include <cerrno>
#include <cstdint>
#include <system_error>

#include <boost/asio/bind_allocator.hpp>
#include <fcntl.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/eventfd.h>
#endif

namespace async::inline v0::io {

namespace {

[[noreturn]] void refuse(const char* call, int error) { throw std::system_error(error, std::generic_category(), call); }

struct descriptor_pair {
    int reader;
    int writer;
};

descriptor_pair open_descriptors() {
#ifdef __linux__
    const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) refuse("eventfd", errno);
    return {fd, fd};
#else
    int fds[2];
    if (::pipe(fds) != 0) refuse("pipe", errno);
    for (const int fd : fds) {
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
        ::fcntl(fd, F_SETFL, O_NONBLOCK);
    }
    return {fds[0], fds[1]};
#endif
}

}  // namespace

wake_signal::wake_signal(boost::asio::io_context& context) : reader_(context) {
    const auto [reader, writer] = open_descriptors();
    try {
        reader_.assign(reader);
        arm();
    } catch (...) {
        if (!reader_.is_open()) ::close(reader);
        if (writer != reader) ::close(writer);
        throw;
    }
    writer_ = writer;
}

wake_signal::~wake_signal() {
    if (writer_ != reader_.native_handle()) ::close(writer_);
}

void wake_signal::raise() noexcept {
    const int saved = errno;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(writer_, &one, sizeof one);  // full means raised already
    errno = saved;
}

void wake_signal::drain() noexcept {
    std::uint64_t counts[16];
    while (::read(reader_.native_handle(), counts, sizeof counts) == static_cast<ssize_t>(sizeof counts)) {
    }
}

void wake_signal::arm() {
    auto on_ready = [this](const boost::system::error_code& error) {
        if (error) return;
        drain();
        arm();
    };
    reader_.async_wait(reader_.wait_read, boost::asio::bind_allocator(slot_allocator<void>(slot_), on_ready));
}

}  // namespace async::inline v0::io

#endif
