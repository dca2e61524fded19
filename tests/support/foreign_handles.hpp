// Descriptors that no loop has, as those of another library: two ends of one connection.
#pragma once

#include <array>
#include <stdexcept>
#include <utility>

#include <tests/support/system.hpp>

namespace async_tests {

class foreign_pair {
public:
    foreign_pair() : system_(this_engine().calls()) {
        if (system_.open_pair(async::io::socket_type::stream, ends_) != 0) throw std::runtime_error("no pair of sockets");
    }
    foreign_pair(const foreign_pair&) = delete;
    foreign_pair& operator=(const foreign_pair&) = delete;
    ~foreign_pair() {
        system_.close_socket(ends_.first);
        close_far();
    }

    async::native_handle near() const noexcept { return ends_.first; }
    async::native_handle far() const noexcept { return ends_.second; }
    // Gives how many bytes the system took, or received, without waiting.
    std::size_t send(async::const_bytes bytes) noexcept { return system_.send_now(ends_.second, bytes).bytes; }
    std::size_t receive() noexcept {
        std::array<std::byte, 64> room;
        return system_.receive_handles(ends_.first, room, {}).bytes;
    }
    void close_far() noexcept {
        if (ends_.second != async::invalid_handle)
            system_.close_socket(std::exchange(ends_.second, async::invalid_handle));
    }

private:
    async::io::system_calls& system_;
    async::io::handle_pair ends_;
};

}  // namespace async_tests
