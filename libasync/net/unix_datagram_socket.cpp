#include <libasync/net/unix_datagram_socket.hpp>

#include <stdexcept>
#include <vector>

#include <libasync/net/datagram_calls.hpp>
#include <libasync/net/handle_calls.hpp>
#include <libasync/net/socket_setup.hpp>

namespace async::inline v0 {

namespace {

constexpr io::socket_type datagram = io::socket_type::datagram;

void apply(const detail::open_socket& socket, const unix_datagram_options& options) {
    using io::socket_option;
    if (options.receive_buffer > 0)
        socket.set_option(socket_option::receive_buffer, options.receive_buffer, "SO_RCVBUF");
    if (options.send_buffer > 0) socket.set_option(socket_option::send_buffer, options.send_buffer, "SO_SNDBUF");
}

detail::open_socket open_datagrams(io::system_calls& system, const unix_datagram_options& options,
                                   const char* operation) {
    auto socket = detail::open_socket::unix_domain(datagram, system, operation);
    apply(socket, options);
    return socket;
}

task<void> send_with_handles(detail::datagram_ref state, const_bytes data, std::vector<native_handle> handles) {
    detail::send_handles_call call(data, handles);
    while (!call.done) co_await detail::attempt(state, call, "send_handles");
}

task<received_handles> receive_with_handles(detail::datagram_ref state, std::span<std::byte> into, std::size_t most) {
    detail::receive_handles_call call(into, most);
    while (!call.done) co_await detail::attempt(state, call, "receive_handles");
    co_return call.take();
}

}  // namespace

unix_datagram_socket::unix_datagram_socket(native_handle handle, detail::bound_path path) : path_(std::move(path)) {
    io::engine& engine = *detail::require_core("unix_datagram_socket").engine;
    io::socket_ptr socket = engine.adopt(handle, io::socket_role::datagram);
    state_ = detail::state_owner(new detail::socket_state(std::move(socket)));
}

unix_datagram_socket unix_datagram_socket::bind(unix_endpoint where, const unix_datagram_options& options) {
    io::system_calls& system = detail::require_core("unix_datagram_socket::bind").engine->calls();
    detail::open_socket socket = open_datagrams(system, options, "bind");
    auto path = detail::bound_path::bind(system, socket.get(), datagram, where,
                                         {options.permissions, options.replace_stale}, "bind");
    return unix_datagram_socket(socket.release(), std::move(path));
}

unix_datagram_socket unix_datagram_socket::open(const unix_datagram_options& options) {
    io::system_calls& system = detail::require_core("unix_datagram_socket::open").engine->calls();
    return unix_datagram_socket(open_datagrams(system, options, "unix_datagram_socket::open").release());
}

unix_datagram_socket unix_datagram_socket::connect(unix_endpoint peer, const unix_datagram_options& options) {
    io::system_calls& system = detail::require_core("unix_datagram_socket::connect").engine->calls();
    detail::open_socket socket = open_datagrams(system, options, "connect to");
    if (const int error = system.connect_local(socket.get(), peer))
        detail::throw_socket_error(error, "connect to", peer);
    return unix_datagram_socket(socket.release());
}

std::pair<unix_datagram_socket, unix_datagram_socket> unix_datagram_socket::pair(const unix_datagram_options& options) {
    constexpr const char* name = "unix_datagram_socket::pair";
    io::system_calls& system = detail::require_core(name).engine->calls();
    auto [first, second] = detail::open_socket::unix_pair(datagram, system, name);
    apply(first, options);
    apply(second, options);
    unix_datagram_socket a(first.release());
    return {std::move(a), unix_datagram_socket(second.release())};
}

unix_datagram_socket unix_datagram_socket::adopt(native_handle handle) {
    return unix_datagram_socket(detail::open_socket::given(handle, "unix_datagram_socket::adopt").release());
}

io::socket& unix_datagram_socket::require(const char* operation) const {
    if (!is_open()) throw std::system_error(make_error_code(errc::closed), operation);
    return *state_->socket;
}

void unix_datagram_socket::connect_to(unix_endpoint peer) {
    const io::socket& s = require("connect_to");
    if (const int error = io::calls_of(s).connect_local(s.handle, peer))
        detail::throw_socket_error(error, "connect to", peer);
}

void unix_datagram_socket::disconnect() {
    const io::socket& s = require("disconnect");
    if (const int error = io::calls_of(s).connect_datagrams(s.handle, nullptr))
        throw std::system_error(io::operation::to_error_code(error), "disconnect");
}

task<received_unix_datagram> unix_datagram_socket::recv_from(std::span<std::byte> into) {
    return detail::receive_datagram<unix_endpoint>(detail::datagram_ref(state_.get()), into);
}

task<std::size_t> unix_datagram_socket::recv_many(std::span<incoming_unix_datagram> datagrams) {
    return detail::receive_datagrams(detail::datagram_ref(state_.get()), datagrams);
}

task<void> unix_datagram_socket::send_to(const_bytes data, unix_endpoint to) {
    if (to.empty()) throw std::invalid_argument("send_to: a name is missing");
    return detail::send_datagram<unix_endpoint>(detail::datagram_ref(state_.get()), {data, to}, "send_to");
}

task<void> unix_datagram_socket::send(const_bytes data) {
    return detail::send_datagram<unix_endpoint>(detail::datagram_ref(state_.get()), {data, {}}, "send");
}

task<std::size_t> unix_datagram_socket::send_many(std::span<const outgoing_unix_datagram> datagrams) {
    return detail::send_datagrams(detail::datagram_ref(state_.get()), datagrams);
}

task<void> unix_datagram_socket::send_handles(const_bytes data, std::span<const native_handle> handles) {
    return send_with_handles(detail::datagram_ref(state_.get()), data, {handles.begin(), handles.end()});
}

task<received_handles> unix_datagram_socket::receive_handles(std::span<std::byte> into, std::size_t most) {
    return receive_with_handles(detail::datagram_ref(state_.get()), into, most);
}

task<void> unix_datagram_socket::close() {
    path_.remove();
    return detail::close_socket(std::move(state_));
}

process_credentials unix_datagram_socket::peer_credentials() const {
    const process_credentials peer = detail::peer_credentials_of(require("peer_credentials"));
    constexpr std::uint32_t nobody = ~std::uint32_t{0};
    if (peer.uid == nobody && peer.gid == nobody)
        throw std::system_error(std::make_error_code(std::errc::not_connected), "peer_credentials");
    return peer;
}

unix_endpoint unix_datagram_socket::local_endpoint() const { return detail::local_name_of(require("local_endpoint")); }

unix_endpoint unix_datagram_socket::remote_endpoint() const {
    return detail::remote_name_of(require("remote_endpoint"));
}

}  // namespace async::inline v0
