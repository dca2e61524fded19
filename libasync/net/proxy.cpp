#include <libasync/net/proxy.hpp>

namespace async::inline v0 {

namespace {

task<tcp_stream> connect_by(endpoint proxy, detail::dialogue_ptr dialogue) {
    tcp_stream stream = co_await connect_any({&proxy, 1});
    co_return co_await detail::connect_through(std::move(stream), std::move(dialogue));
}

}  // namespace

task<tcp_stream> socks5_connect(endpoint proxy, std::string_view host, int port, const proxy_options& options) {
    return connect_by(proxy, detail::make_socks5_dialogue(host, port, options));
}

task<tcp_stream> http_connect(endpoint proxy, std::string_view host, int port, const proxy_options& options) {
    return connect_by(proxy, detail::make_http_dialogue(host, port, options));
}

}  // namespace async::inline v0
