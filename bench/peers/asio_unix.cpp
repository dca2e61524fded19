// `asio_unix --path PATH [--style awaitable]`: an echo over a unix socket, by completion handlers or coroutines.
#include "arguments.hpp"
#include "asio_streams.hpp"

#include <array>
#include <memory>

namespace {

using namespace peers;
using local = asio::local::stream_protocol;

constexpr std::size_t buffer_size = 20 * 1024;

class session : public std::enable_shared_from_this<session> {
public:
    explicit session(local::socket socket) : socket_(std::move(socket)) {}

    void read() {
        socket_.async_read_some(asio::buffer(bytes_), [self = shared_from_this()](auto error, std::size_t size) {
            if (!error) self->write(size);
        });
    }

private:
    void write(std::size_t size) {
        asio::async_write(socket_, asio::buffer(bytes_, size), [self = shared_from_this()](auto error, std::size_t) {
            if (!error) self->read();
        });
    }

    local::socket socket_;
    std::array<char, buffer_size> bytes_;
};

void accept_by_callbacks(local::acceptor& acceptor) {
    acceptor.async_accept([&acceptor](auto error, local::socket socket) {
        if (!error) std::make_shared<session>(std::move(socket))->read();
        accept_by_callbacks(acceptor);
    });
}

asio::awaitable<void> echo(local::socket socket) {
    std::array<char, buffer_size> bytes;
    for (;;) {
        auto [read_error, size] = co_await socket.async_read_some(asio::buffer(bytes), results);
        if (read_error) co_return;
        auto [write_error, sent] = co_await asio::async_write(socket, asio::buffer(bytes, size), results);
        if (write_error) co_return;
    }
}

}  // namespace

int main(int argc, char** argv) {
    asio::io_context context{1};
    local::acceptor acceptor(context, local::endpoint(value_of(argc, argv, "--path", "")));
    acceptor.listen(4096);
    if (std::string_view(value_of(argc, argv, "--style", "callbacks")) == "awaitable")
        asio::co_spawn(context, accept_all(acceptor, echo), asio::detached);
    else
        accept_by_callbacks(acceptor);
    context.run();
}
