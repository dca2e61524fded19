// Bytes on their way from one socket to another inside the kernel, through a pipe in between (splice(2)): they are not
// copied into this process and out of it. Linux alone has such a thing.
//
//   io::relay between;
//   if (system.open_relay(between) == 0) between.fill(from, least);
//   while (between.held() != 0) between.drain(to);
#pragma once

#include <cstddef>
#include <span>

#include <libasync/io/system_calls.hpp>

namespace async::inline v0::io {

// Errors are errno values. Two descriptors while it is open, closed on exec; no memory of the process.
class relay {
public:
    relay() = default;
    relay(const relay&) = delete;
    relay& operator=(const relay&) = delete;
    ~relay();

    // What system_calls::open_relay does for the operating system: EMFILE; or ENOSYS where there is no such thing, or
    // the system has only little room left for it.
    int open() noexcept;
    bool is_open() const noexcept { return pipe_.first != invalid_handle; }

    // The most bytes that it ever holds: up to 512 KiB.
    std::size_t room() const noexcept { return room_; }
    // Those that are in it now.
    std::size_t held() const noexcept { return held_; }

    // Takes what has arrived, without waiting: EAGAIN if it is full. Nothing, and no error, if less than `least` has
    // arrived: then a read has to say whether there is more, or the end, or an error, none of which is taken here.
    transfer_result fill(native_handle from, std::size_t least) noexcept;

    // Gives as much as goes without waiting: EAGAIN.
    transfer_result drain(native_handle to) noexcept;

    // Gives all that it holds to `into`, which has that room; the count.
    std::size_t take_back(std::span<std::byte> into) noexcept;

private:
    void close() noexcept;

    handle_pair pipe_;
    std::size_t room_ = 0;
    std::size_t held_ = 0;
};

}  // namespace async::inline v0::io
