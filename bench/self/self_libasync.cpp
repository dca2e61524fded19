// libasync as a rival of the self-echo: `read()` of a chunk of the engine's buffers, `read_some` into the coroutine's own
// memory, or `read_exactly` of a message; and `read()` in the handlers of a tcp_server.
#include "self_echo.hpp"

#include <array>
#include <libasync/async.hpp>
#include <span>
#include <system_error>

namespace self_echo {
namespace {

enum class reading { chunk, into_array, message, chunk_of_server };

class libasync_server final : public server {
public:
    libasync_server(reading mode, std::size_t size, async::engine_kind engine)
        : mode_(mode),
          size_(size),
          runner_(async::loop_options{.engine = engine}),
          accepting_(runner_.create_task(accept())) {
        while (port_ == 0) runner_.turn(async::turn::no_wait);
    }

    std::uint16_t port() const override { return port_; }
    std::uint64_t echoed() const override { return echoed_; }
    void serve_until(std::uint64_t total) override {
        while (echoed_ < total) runner_.turn(async::turn::wait);
    }

private:
    async::task<void> accept() {
        if (mode_ == reading::chunk_of_server) co_return co_await serve();
        auto listener = async::tcp_listener::bind(async::endpoint::loopback(0), {});
        port_ = listener.local_endpoint().port();
        for (;;) {
            async::tcp_stream stream = co_await listener.accept();
            if (mode_ == reading::chunk)
                async::create_task(echo_chunks(std::move(stream)));
            else if (mode_ == reading::message)
                async::create_task(echo_messages(std::move(stream)));
            else
                async::create_task(echo_array(std::move(stream)));
        }
    }

    async::task<void> serve() {
        auto handler = [this](async::tcp_stream stream) { return echo_chunks(std::move(stream)); };
        async::tcp_server server{async::endpoint::loopback(0), handler};
        port_ = server.local_endpoint().port();
        co_await server.serve();
    }

    async::task<void> echo_chunks(async::tcp_stream stream) {
        try {
            for (;;) {
                async::chunk bytes = co_await stream.read();
                if (bytes.empty()) co_return;
                co_await stream.write(std::span<const std::byte>(bytes.data(), bytes.size()));
                echoed_ += bytes.size();
            }
        } catch (const std::system_error&) {  // the clients reset their connections
        }
    }

    async::task<void> echo_array(async::tcp_stream stream) {
        std::array<std::byte, 20 * 1024> memory;  // a message that fills it would be followed by a look for more
        const std::span<std::byte> all(memory);
        try {
            for (;;) {
                const std::size_t size = co_await stream.read_some(all);
                if (size == 0) co_return;
                co_await stream.write(all.first(size));
                echoed_ += size;
            }
        } catch (const std::system_error&) {  // the clients reset their connections
        }
    }

    async::task<void> echo_messages(async::tcp_stream stream) {
        try {
            for (;;) {
                const std::string message = co_await stream.read_exactly(size_);
                co_await stream.write(message);
                echoed_ += message.size();
            }
        } catch (const std::exception&) {  // the end, or clients that reset their connections
        }
    }

    reading mode_;
    std::size_t size_;
    std::uint16_t port_ = 0;
    std::uint64_t echoed_ = 0;
    async::runner runner_;
    async::task_handle<void> accepting_;
};

}  // namespace

void add_libasync(rivals& list) {
    const auto add = [&list](const char* name, reading mode, async::engine_kind engine) {
        list.push_back(
            {name, role::ours, [=](const echo_case& shape) { return std::make_unique<libasync_server>(mode, shape.size, engine); }});
    };
    add("libasync read", reading::chunk, async::engine_kind::automatic);
    add("libasync read_some", reading::into_array, async::engine_kind::automatic);
    add("libasync read_exactly", reading::message, async::engine_kind::automatic);
    add("libasync tcp_server", reading::chunk_of_server, async::engine_kind::automatic);
    add("libasync read, asio", reading::chunk, async::engine_kind::asio);
}

}  // namespace self_echo
