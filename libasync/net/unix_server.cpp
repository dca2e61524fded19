#include <libasync/net/unix_server.hpp>

namespace async::inline v0::detail {

namespace {

class unix_server_listener final : public server_listener {
public:
    explicit unix_server_listener(unix_listener listener) noexcept : listener_(std::move(listener)) {}

    task<stream_ptr> accept() override { co_return stream_access::take(co_await listener_.accept()); }
    task<void> close() override { return listener_.close(); }
    void close_in_background() noexcept override { listener_ = {}; }
    connection_info describe(const stream_state&) const noexcept override { return {}; }

private:
    unix_listener listener_;
};

}  // namespace

std::shared_ptr<server_core> make_unix_server(unix_listener listener, server_handler handler,
                                              const server_options& options, std::source_location created) {
    if (!listener.is_open()) throw std::system_error(make_error_code(errc::closed), "unix_server");
    owned<server_listener> accepts(new unix_server_listener(std::move(listener)));
    return std::make_shared<server_core>(std::move(accepts), std::move(handler), options, created);
}

}  // namespace async::inline v0::detail
