// A socket of the Asio engine: Asio says when it may be ready, the calls on it are our own.
#pragma once

#include <optional>

#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>

#include <libasync/io/asio/handler_slot.hpp>
#include <libasync/io/engine.hpp>

namespace async::inline v0::io {

using asio_executor = boost::asio::io_context::executor_type;
using asio_stream = boost::asio::basic_stream_socket<boost::asio::ip::tcp, asio_executor>;
using asio_datagram = boost::asio::basic_datagram_socket<boost::asio::ip::udp, asio_executor>;
using asio_acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, asio_executor>;

// Reading (and accepting), or writing (and connecting). At most one operation waits, and at most one wait is
// armed; a wait outlives the operation that asked for it when that one is cancelled.
struct asio_direction {
    operation* waiter = nullptr;
    bool armed = false;
    bool ready = true;  // a call may succeed: nothing says the opposite since
    int error = 0;      // how the last wait ended
    handler_slot slot;

    // The handler of its wait is gone and was not called.
    bool lost() const noexcept { return armed && slot.unused(); }
};

class asio_socket final : public socket {
public:
    explicit asio_socket(socket_role r) noexcept : socket(r) {}

    bool open() const noexcept { return handle != invalid_handle; }
    bool has_waits() const noexcept { return reading.armed || writing.armed; }

    bool released = false;
    bool connecting = false;
    asio_direction reading;
    asio_direction writing;

    std::optional<asio_stream> stream;
#ifdef _WIN32
    // Here a stream is waited for by receiving no byte of it, which would take a datagram away.
    std::optional<asio_datagram> datagram;
    // Nor can a listener be asked whether a connection is there: one is accepted ahead of its taker.
    std::optional<asio_acceptor> acceptor;
    std::optional<asio_stream> accepted;
#endif
};

}  // namespace async::inline v0::io
