// Echo servers on Boost.Asio: completion handlers, or `awaitable` coroutines.
#pragma once

#include <array>
#include <boost/asio.hpp>
#include <cstdint>
#include <limits>
#include <memory>

namespace peers {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t buffer_size = 16 * 1024;

// The handler that sends byte number `total` stops the io_context.
class asio_echo {
public:
    asio_echo(const asio_echo&) = delete;
    asio_echo& operator=(const asio_echo&) = delete;

    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    void run_until(std::uint64_t total) {
        total_ = total;
        while (echoed_ < total) {
            context_.restart();
            context_.run();
        }
    }
    void run() { run_until(std::numeric_limits<std::uint64_t>::max()); }
    std::uint64_t echoed() const { return echoed_; }

    void count(std::size_t bytes) {
        echoed_ += bytes;
        if (echoed_ >= total_) context_.stop();
    }

protected:
    explicit asio_echo(std::uint16_t port)
        : acceptor_(context_, tcp::endpoint(asio::ip::address_v4::loopback(), port)) {
        acceptor_.listen(4096);
    }
    ~asio_echo() = default;

    asio::io_context context_{1};
    tcp::acceptor acceptor_;

private:
    std::uint64_t echoed_ = 0;
    std::uint64_t total_ = 0;
};

class session : public std::enable_shared_from_this<session> {
public:
    session(tcp::socket socket, asio_echo& owner) : socket_(std::move(socket)), owner_(owner) {}

    void read() {
        socket_.async_read_some(asio::buffer(bytes_), [self = shared_from_this()](error_code error, std::size_t size) {
            if (!error) self->write(size);
        });
    }

private:
    void write(std::size_t size) {
        asio::async_write(socket_, asio::buffer(bytes_, size),
                          [self = shared_from_this()](error_code error, std::size_t sent) {
                              if (error) return;
                              self->owner_.count(sent);
                              self->read();
                          });
    }

    tcp::socket socket_;
    asio_echo& owner_;
    std::array<char, buffer_size> bytes_;
};

class callback_echo final : public asio_echo {
public:
    explicit callback_echo(std::uint16_t port) : asio_echo(port) { accept(); }

private:
    void accept() {
        acceptor_.async_accept([this](error_code error, tcp::socket socket) {
            if (!error) {
                socket.set_option(tcp::no_delay(true));
                std::make_shared<session>(std::move(socket), *this)->read();
            }
            accept();
        });
    }
};

class awaitable_echo final : public asio_echo {
public:
    explicit awaitable_echo(std::uint16_t port) : asio_echo(port) {
        asio::co_spawn(context_, accept(), asio::detached);
    }

private:
    asio::awaitable<void> accept() {
        for (;;) {
            auto socket = co_await acceptor_.async_accept(asio::use_awaitable);
            socket.set_option(tcp::no_delay(true));
            asio::co_spawn(context_, echo(std::move(socket)), asio::detached);
        }
    }

    asio::awaitable<void> echo(tcp::socket socket) {
        constexpr auto token = asio::as_tuple(asio::use_awaitable);
        std::array<char, buffer_size> bytes;
        for (;;) {
            auto [read_error, size] = co_await socket.async_read_some(asio::buffer(bytes), token);
            if (read_error) co_return;
            auto [write_error, sent] = co_await asio::async_write(socket, asio::buffer(bytes, size), token);
            if (write_error) co_return;
            count(sent);
        }
    }
};

}  // namespace peers
