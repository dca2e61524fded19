// A port of this machine that refuses connections as long as it lives: bound, and not listened on.
#pragma once

#include <stdexcept>

#include <libasync/async.hpp>
#include <libasync/io/system_calls.hpp>

#include <tests/support/system.hpp>

namespace async_tests {

class refusing_port {
public:
    explicit refusing_port(async::endpoint where = async::endpoint::loopback(0)) : calls_(this_engine().calls()) {
        int error = 0;
        handle_ = calls_.open_tcp_socket(where.family(), error);
        // Connections of a minute ago do not keep the port.
        if (error == 0) error = calls_.set_option(handle_, async::io::socket_option::reuse_address, 1);
        if (error == 0) error = calls_.bind_socket(handle_, where);
        if (error == 0) error = calls_.local_endpoint(handle_, where_);
        if (error == 0) return;
        if (handle_ != async::invalid_handle) calls_.close_socket(handle_);
        throw std::runtime_error("no port can be bound");
    }
    refusing_port(const refusing_port&) = delete;
    refusing_port& operator=(const refusing_port&) = delete;
    ~refusing_port() { calls_.close_socket(handle_); }

    const async::endpoint& where() const noexcept { return where_; }

private:
    async::io::system_calls& calls_;
    async::native_handle handle_ = async::invalid_handle;
    async::endpoint where_;
};

// Whether this machine has ::1.
inline bool has_ipv6() {
    try {
        async::tcp_listener::bind(async::endpoint::loopback(0, async::address_family::ipv6));
        return true;
    } catch (const std::system_error&) {
        return false;
    }
}

}  // namespace async_tests
