// `asio_tls --port N --certificate FILE --key FILE`: an echo over TLS, by coroutines.
#include "arguments.hpp"
#include "asio_streams.hpp"

#include <array>
#include <boost/asio/ssl.hpp>

namespace {

using namespace peers;
using tls_socket = asio::ssl::stream<tcp::socket>;

asio::awaitable<void> echo(tcp::socket socket, asio::ssl::context& context) {
    tls_socket stream(std::move(socket), context);
    auto [shake_error] = co_await stream.async_handshake(tls_socket::server, results);
    if (shake_error) co_return;
    std::array<char, 20 * 1024> bytes;
    for (;;) {
        auto [read_error, size] = co_await stream.async_read_some(asio::buffer(bytes), results);
        if (read_error) co_return;
        auto [write_error, sent] = co_await asio::async_write(stream, asio::buffer(bytes, size), results);
        if (write_error) co_return;
    }
}

}  // namespace

int main(int argc, char** argv) {
    asio::ssl::context context(asio::ssl::context::tls_server);
    context.use_certificate_chain_file(value_of(argc, argv, "--certificate", ""));
    context.use_private_key_file(value_of(argc, argv, "--key", ""), asio::ssl::context::pem);
    serve_tcp(port_of(argc, argv), [&](tcp::socket socket) { return echo(std::move(socket), context); });
}
