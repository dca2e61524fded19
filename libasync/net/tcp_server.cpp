#include <libasync/net/tcp_server.hpp>

#include <libasync/net/socket_setup.hpp>

namespace async::inline v0::detail {

namespace {

class tcp_server_listener final : public server_listener {
public:
    explicit tcp_server_listener(tcp_listener listener) noexcept : listener_(std::move(listener)) {}

    task<stream_ptr> accept() override { co_return stream_access::take(co_await listener_.accept()); }
    task<void> close() override { return listener_.close(); }
    void close_in_background() noexcept override { listener_ = {}; }

    connection_info describe(const stream_state& stream) const noexcept override {
        connection_info info;
        if (!stream.socket) return info;
        io::system_calls& system = io::calls_of(*stream.socket);
        static_cast<void>(system.remote_endpoint(stream.socket->handle, info.peer));
        static_cast<void>(system.local_endpoint(stream.socket->handle, info.local));
        return info;
    }

private:
    tcp_listener listener_;
};

}  // namespace

std::shared_ptr<server_core> make_tcp_server(tcp_listener listener, server_handler handler,
                                             const server_options& options, std::source_location created) {
    owned<server_listener> accepts(new tcp_server_listener(std::move(listener)));
    return std::make_shared<server_core>(std::move(accepts), std::move(handler), options, created);
}

}  // namespace async::inline v0::detail
