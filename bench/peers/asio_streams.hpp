// What the servers on Boost.Asio have in common that are not in asio_servers.hpp: they accept for ever, on one thread.
#pragma once

#include <boost/asio.hpp>
#include <cstdint>

namespace peers {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr auto results = asio::as_tuple(asio::use_awaitable);  // errors as values

// Gives each connection to `serve(socket)`, which makes an awaitable.
template <typename Acceptor, typename Serve>
asio::awaitable<void> accept_all(Acceptor& acceptor, Serve serve) {
    for (;;) {
        auto socket = co_await acceptor.async_accept(asio::use_awaitable);
        asio::co_spawn(acceptor.get_executor(), serve(std::move(socket)), asio::detached);
    }
}

// The same on a port of the loopback address; does not return.
template <typename Serve>
void serve_tcp(std::uint16_t port, Serve serve) {
    asio::io_context context{1};
    tcp::acceptor acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), port));
    acceptor.listen(4096);
    const auto with_no_delay = [serve](tcp::socket socket) {
        socket.set_option(tcp::no_delay(true));
        return serve(std::move(socket));
    };
    asio::co_spawn(context, accept_all(acceptor, with_no_delay), asio::detached);
    context.run();
}

}  // namespace peers
