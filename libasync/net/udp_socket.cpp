#include <libasync/net/udp_socket.hpp>

#include <stdexcept>

#include <libasync/net/datagram_calls.hpp>
#include <libasync/net/socket_setup.hpp>

namespace async::inline v0 {

namespace {

void apply(io::system_calls& system, native_handle handle, const udp_options& options) {
    using io::socket_option;
    const auto set = [&](socket_option option, int value, const char* name) {
        detail::set_option_or_throw(system, handle, option, value, name);
    };
    set(socket_option::broadcast, options.broadcast, "SO_BROADCAST");
    set(socket_option::multicast_loop, options.multicast_loop, "IP_MULTICAST_LOOP");
    if (options.multicast_hops > 0) set(socket_option::multicast_hops, options.multicast_hops, "IP_MULTICAST_TTL");
    if (options.hops > 0) set(socket_option::hops, options.hops, "IP_TTL");
    if (options.multicast_interface > 0)
        set(socket_option::multicast_interface, options.multicast_interface, "IP_MULTICAST_IF");
    if (options.receive_buffer > 0) set(socket_option::receive_buffer, options.receive_buffer, "SO_RCVBUF");
    if (options.send_buffer > 0) set(socket_option::send_buffer, options.send_buffer, "SO_SNDBUF");
}

detail::open_socket open_datagrams(io::system_calls& system, const endpoint& address, const udp_options& options,
                                   const char* operation) {
    using io::socket_option;
    auto socket = detail::open_socket::datagram(system, address, operation);
    if (options.reuse_address) socket.set_option(socket_option::reuse_address, 1, "SO_REUSEADDR");
    if (options.reuse_port) socket.set_option(socket_option::reuse_port, 1, "SO_REUSEPORT");
    if (address.family() == address_family::ipv6)
        socket.set_option(socket_option::ipv6_only, !options.dual_stack, "IPV6_V6ONLY");
    apply(system, socket.get(), options);
    return socket;
}

}  // namespace

udp_socket::udp_socket(io::socket_ptr socket) : state_(new detail::socket_state(std::move(socket))) {}

udp_socket udp_socket::bind(endpoint where, const udp_options& options) {
    detail::loop_core& core = detail::require_core("udp_socket::bind");
    io::system_calls& system = core.engine->calls();
    detail::open_socket socket = open_datagrams(system, where, options, "bind");
    if (const int error = system.bind_socket(socket.get(), where)) detail::throw_socket_error(error, "bind", where);
    return udp_socket(core.engine->adopt(socket.release(), io::socket_role::datagram));
}

udp_socket udp_socket::connect(endpoint peer, const udp_options& options) {
    detail::loop_core& core = detail::require_core("udp_socket::connect");
    io::system_calls& system = core.engine->calls();
    detail::open_socket socket = open_datagrams(system, peer, options, "connect to");
    if (const int error = system.connect_datagrams(socket.get(), &peer))
        detail::throw_socket_error(error, "connect to", peer);
    return udp_socket(core.engine->adopt(socket.release(), io::socket_role::datagram));
}

io::socket& udp_socket::require(const char* operation) const {
    if (!is_open()) throw std::system_error(make_error_code(errc::closed), operation);
    return *state_->socket;
}

void udp_socket::connect_to(endpoint peer) {
    const io::socket& s = require("connect_to");
    if (const int error = io::calls_of(s).connect_datagrams(s.handle, &peer))
        detail::throw_socket_error(error, "connect to", peer);
}

void udp_socket::disconnect() {
    const io::socket& s = require("disconnect");
    if (const int error = io::calls_of(s).connect_datagrams(s.handle, nullptr))
        throw std::system_error(io::operation::to_error_code(error), "disconnect");
}

task<received_datagram> udp_socket::recv_from(std::span<std::byte> into) {
    return detail::receive_datagram<endpoint>(detail::datagram_ref(state_.get()), into);
}

task<std::size_t> udp_socket::recv_many(std::span<incoming_datagram> datagrams) {
    return detail::receive_datagrams(detail::datagram_ref(state_.get()), datagrams);
}

task<void> udp_socket::send_to(const_bytes data, endpoint to) {
    if (to.port() == 0) throw std::invalid_argument("send_to " + to.to_string() + ": a port is missing");
    return detail::send_datagram<endpoint>(detail::datagram_ref(state_.get()), {data, to}, "send_to");
}

task<void> udp_socket::send(const_bytes data) {
    return detail::send_datagram<endpoint>(detail::datagram_ref(state_.get()), {data, {}}, "send");
}

task<std::size_t> udp_socket::send_many(std::span<const outgoing_datagram> datagrams) {
    return detail::send_datagrams(detail::datagram_ref(state_.get()), datagrams);
}

namespace {

void change_membership(const io::socket& s, const endpoint& group, const group_options& options, io::membership m) {
    io::multicast_group request;
    request.group = group;
    request.interface_index = options.interface_index;
    if (options.source != nullptr) {
        request.source = *options.source;
        request.has_source = true;
    }
    if (const int error = io::calls_of(s).change_membership(s.handle, request, m))
        detail::throw_socket_error(error, m == io::membership::join ? "join group" : "leave group", group);
}

}  // namespace

void udp_socket::join_group(endpoint group, const group_options& options) {
    change_membership(require("join_group"), group, options, io::membership::join);
}

void udp_socket::leave_group(endpoint group, const group_options& options) {
    change_membership(require("leave_group"), group, options, io::membership::leave);
}

task<void> udp_socket::close() { return detail::close_socket(std::move(state_)); }

void udp_socket::set_options(const udp_options& options) {
    const io::socket& s = require("set_options");
    apply(io::calls_of(s), s.handle, options);
}

endpoint udp_socket::local_endpoint() const { return detail::local_endpoint_of(require("local_endpoint")); }

endpoint udp_socket::remote_endpoint() const { return detail::remote_endpoint_of(require("remote_endpoint")); }

}  // namespace async::inline v0
