// Sockets that were open before the program: socket activation by systemd, or whoever speaks its protocol
// (sd_listen_fds(3)). The port is there before the program is, and while it is replaced by a newer one.
//
//   for (async::inherited_socket& s : async::inherited_sockets()) {
//       if (s.name() == "web") listener = async::tcp_listener::adopt(s.release());
//   }
//   if (!listener.is_open()) listener = async::tcp_listener::bind(where);  // started by hand
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <libasync/detail/exchange.hpp>
#include <libasync/io/handle.hpp>

namespace async::inline v0 {

// Owns the descriptor, and closes it, until it is released. Move-only.
class inherited_socket {
public:
    inherited_socket(native_handle handle, std::string name) noexcept : handle_(handle), name_(std::move(name)) {}
    inherited_socket(inherited_socket&& other) noexcept
        : handle_(detail::exchange(other.handle_, invalid_handle)),
          name_(std::move(other.name_)) {}
    inherited_socket& operator=(inherited_socket&& other) noexcept {
        std::swap(handle_, other.handle_);
        std::swap(name_, other.name_);
        return *this;
    }
    inherited_socket(const inherited_socket&) = delete;
    inherited_socket& operator=(const inherited_socket&) = delete;
    ~inherited_socket();

    // From FileDescriptorName= of the unit (systemd.socket(5)): by default that of the unit; "unknown" if none was given.
    const std::string& name() const noexcept { return name_; }

    // invalid_handle once it was released.
    native_handle handle() const noexcept { return handle_; }

    // Gives the descriptor away: tcp_listener::adopt takes it, for example.
    native_handle release() noexcept { return detail::exchange(handle_, invalid_handle); }

    // Whether it is a TCP socket that listens, and so one for tcp_listener::adopt.
    bool is_tcp_listener() const noexcept;

private:
    native_handle handle_;
    std::string name_;
};

// The sockets that this process was given, in the order of their descriptors; none if it was started in another way, or
// LISTEN_PID names another process. Sets close-on-exec, and takes LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES out of the
// environment, so a second call finds none. To be called early: no other thread may use the environment meanwhile
// (getenv(3)).
//
// Throws std::system_error if the variables make no sense or a descriptor is not open; std::bad_alloc.
std::vector<inherited_socket> inherited_sockets();

}  // namespace async::inline v0
