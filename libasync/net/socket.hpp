// A socket as the system has it, for what the classes above it do not offer: every option, every order of calls.
//
//   auto s = async::socket::open(async::socket_domain::ipv4, async::socket_type::stream);
//   s.set_option(async::socket_option::keep_alive, 1);
//   co_await s.connect(async::endpoint::loopback(8080));
//   const std::size_t sent = co_await s.send("hello");
#pragma once

#include <span>

#include <libasync/io/system_calls.hpp>
#include <libasync/net/stream_operations.hpp>

namespace async::inline v0 {

using io::socket_domain;
using io::socket_option;
using io::socket_type;

// Move-only. At most one task receives and one sends at a time; a second one gets errc::busy. Destroying the socket
// closes it in the background; what is pending on it then ends with errc::closed. Nothing is read ahead, so the handle may
// be used beside the library between two operations. Errors are std::system_error with the operation and the address.
class socket {
public:
    // Closed from the start: every operation gives errc::closed.
    socket() = default;

    // A new one, or one that exists and is the socket's from then on, for this thread's loop. Throw std::system_error.
    static socket open(socket_domain domain, socket_type type);
    static socket adopt(native_handle handle);

    // All throw std::system_error, for example address_in_use; `listen` also function_not_supported, as `release`.
    void bind(endpoint where);
    void bind(unix_endpoint where);
    void listen(int backlog = 4096);
    void set_option(socket_option option, int value);
    int get_option(socket_option option) const;
    endpoint local_endpoint() const;
    endpoint remote_endpoint() const;

    // Connects; a datagram socket only learns whom to send to. Throws std::system_error, for example
    // connection_refused. Cancelled, the connection is in between: the socket is closed. Cancel class: poisoning.
    task<void> connect(endpoint to);

    // The next connection of one that listens. Throws std::system_error, also when descriptors run out.
    // Cancel class: lossless.
    task<socket> accept();

    // What has arrived, up to the size of `into`; 0 at the end of a stream, or for an empty datagram. What finds no room
    // of a datagram is lost (recv(2)). Cancel class: lossless.
    auto recv(std::span<std::byte> into) noexcept { return detail::receive_description(state_.get(), into); }

    // Sends what goes at once, at least one byte, and gives the count; a datagram whole (send(2)).
    // Cancel class: lossless.
    task<std::size_t> send(const_bytes bytes);

    // Sends all. Cancel class: poisoning, if a part was sent.
    auto send_all(const_bytes bytes) noexcept { return detail::send_description<1>(state_.get(), {bytes}); }

    // Until a call of one's own that reads, or that writes, would not wait; takes nothing. Cancel class: lossless.
    auto readable() noexcept { return detail::ready_description(state_.get(), io::readiness::readable); }
    // Cancel class: lossless.
    auto writable() noexcept { return detail::ready_description(state_.get(), io::readiness::writable); }

    // Closes, and waits until the descriptor is gone. May be repeated. Takes effect even in a cancelled scope.
    // Cancel class: deferred.
    task<void> close() { return detail::close_stream(std::move(state_)); }

    bool is_open() const noexcept { return state_ && state_->socket; }

    // The socket keeps it; or gives it away, and is closed then, handle and all if that fails: errc::busy while something
    // is pending, function_not_supported where the system keeps a handle with its loop (Windows before 8.1, Wine).
    native_handle handle() const noexcept { return is_open() ? state_->socket->handle : invalid_handle; }
    // Cancel class: poisoning. The socket is closed.
    task<native_handle> release();

private:
    explicit socket(detail::stream_ptr state) noexcept : state_(std::move(state)) {}
    io::socket& require(const char* operation) const;
    static socket make(io::engine& engine, native_handle handle, io::socket_role role);
    static task<native_handle> release_from(detail::stream_ptr state);
    static task<socket> accept_on(detail::stream_ref listener);

    detail::stream_ptr state_;
};

}  // namespace async::inline v0
