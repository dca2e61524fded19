#include <libasync/net/unix_stream.hpp>

#include <stdexcept>

#include <libasync/coro/checkpoint.hpp>
#include <libasync/io/native_socket.hpp>
#include <libasync/net/growing_pause.hpp>
#include <libasync/net/handle_calls.hpp>
#include <libasync/net/socket_setup.hpp>

namespace async::inline v0 {

namespace {

io::socket_role role_of(const unix_options& options) noexcept {
    return options.receives_handles ? io::socket_role::quiet_stream : io::socket_role::stream;
}

// That nobody else reads, and something is there.
struct readable_description : detail::stream_description<readable_description> {
    using operation = io::wait_op;
    using value_type = void;

    using stream_description::stream_description;
    operation make() const noexcept { return {socket(), io::readiness::readable}; }
    void check(operation& op) const noexcept {
        check_open(op);
        if (op.state == io::op_state::done) return;
        if (stream->ahead && stream->ahead->reading) op.fail_early(errc::busy);
    }
    void finish(operation&) const noexcept {}
    std::string what() const { return detail::describe_stream("receive_handles from", stream); }
};

}  // namespace

task<unix_stream> unix_stream::connect(unix_endpoint to, unix_options options) {
    co_await detail::checkpoint();
    detail::loop_core& core = detail::require_core("unix_connect");
    io::system_calls& system = core.engine->calls();
    auto socket = detail::open_socket::unix_domain(io::socket_type::stream, system, "unix_connect");
    for (detail::growing_pause pause;;) {
        const int error = system.connect_local(socket.get(), to);
        if (error == 0) break;
        if (!io::would_block(error)) detail::throw_socket_error(error, "connect to", to);
        co_await pause.next();
    }
    co_return make(socket.release(), options);
}

unix_stream unix_stream::make(native_handle handle, const unix_options& options) {
    io::engine& engine = *detail::require_core("unix_stream").engine;
    return unix_stream(detail::keep_socket(engine.adopt(handle, role_of(options))));
}

std::pair<unix_stream, unix_stream> unix_stream::pair(const unix_options& options) {
    io::system_calls& system = detail::require_core("unix_stream::pair").engine->calls();
    auto [first, second] = detail::open_socket::unix_pair(io::socket_type::stream, system, "unix_stream::pair");
    unix_stream a = make(first.release(), options);
    return {std::move(a), make(second.release(), options)};
}

unix_stream unix_stream::adopt(native_handle handle, const unix_options& options) {
    return make(detail::open_socket::given(handle, "unix_stream::adopt").release(), options);
}

unix_stream unix_stream::adopt(released_socket from, const unix_options& options) {
    return unix_stream(detail::adopt_stream(std::move(from), role_of(options)));
}

task<std::size_t> unix_stream::send_handles(const_bytes bytes, std::span<const native_handle> handles) {
    if (bytes.size() == 0) throw std::invalid_argument("send_handles: handles go with a byte at least");
    return send_handles_on(detail::stream_ref(state_.get()), bytes, {handles.begin(), handles.end()});
}

task<std::size_t> unix_stream::send_handles_on(detail::stream_ref stream, const_bytes bytes,
                                               std::vector<native_handle> handles) {
    co_await detail::flush_description(stream.get());
    const detail::sole_writer sole(*stream.get(), "send_handles to");
    detail::send_handles_call call(bytes, handles);
    while (!call.done) co_await detail::attempt(stream, call, "send_handles");
    stream.get()->written += call.sent;
    co_return call.sent;
}

task<received_handles> unix_stream::receive_handles(std::span<std::byte> into, std::size_t most) {
    if (is_open() && state_->socket->role != io::socket_role::quiet_stream)
        throw std::logic_error("receive_handles: the stream was not made for it (unix_options::receives_handles)");
    return receive_handles_on(detail::stream_ref(state_.get()), into, most);
}

task<received_handles> unix_stream::receive_handles_on(detail::stream_ref stream, std::span<std::byte> into,
                                                       std::size_t most) {
    detail::receive_handles_call call(into, most);
    co_await readable_description(stream.get());
    while (!call.done) co_await detail::attempt(stream, call, "receive_handles");
    co_return call.take();
}

process_credentials unix_stream::peer_credentials() const {
    return detail::peer_credentials_of(require("peer_credentials"));
}

unix_endpoint unix_stream::local_endpoint() const { return detail::local_name_of(require("local_endpoint")); }

unix_endpoint unix_stream::remote_endpoint() const { return detail::remote_name_of(require("remote_endpoint")); }

}  // namespace async::inline v0
