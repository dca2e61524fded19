// Open handles that came from elsewhere, by a unix socket.
//
//   async::received_handles got = co_await stream.receive_handles(buffer);
//   if (!got.empty()) serve(async::tcp_stream::adopt(got.take(0)));
#pragma once

#include <utility>
#include <vector>

#include <libasync/detail/exchange.hpp>
#include <libasync/io/handle.hpp>

namespace async::inline v0 {

namespace detail {
struct receive_handles_call;
}

// Move-only; closes those that nobody took.
class received_handles {
public:
    received_handles() = default;
    received_handles(received_handles&& other) noexcept
        : bytes_(other.bytes_),
          truncated_(other.truncated_),
          handles_(detail::exchange(other.handles_, {})),
          system_(other.system_) {}
    received_handles& operator=(received_handles&& other) noexcept {
        std::swap(bytes_, other.bytes_);
        std::swap(truncated_, other.truncated_);
        std::swap(handles_, other.handles_);
        std::swap(system_, other.system_);
        return *this;
    }
    ~received_handles();

    // Bytes that came with them; 0 at the end of a stream.
    std::size_t bytes() const noexcept { return bytes_; }
    // The datagram had more bytes than there was room for, and they are lost; never of a stream.
    bool truncated() const noexcept { return truncated_; }
    std::size_t size() const noexcept { return handles_.size(); }
    bool empty() const noexcept { return handles_.empty(); }
    // The caller's from then on; invalid_handle if it was taken already. Throws std::out_of_range.
    native_handle take(std::size_t i) { return detail::exchange(handles_.at(i), invalid_handle); }

private:
    friend struct detail::receive_handles_call;
    std::size_t bytes_ = 0;
    bool truncated_ = false;
    std::vector<native_handle> handles_;
    io::system_calls* system_ = nullptr;
};

}  // namespace async::inline v0
