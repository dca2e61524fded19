#include <libasync/net/unix_stream.hpp>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include <libasync/coro/checkpoint.hpp>
#include <libasync/coro/sleep.hpp>
#include <libasync/io/native_socket.hpp>
#include <libasync/net/attempt.hpp>
#include <libasync/net/socket_setup.hpp>

namespace async::inline v0 {

namespace {

using namespace std::chrono_literals;

[[noreturn]] void throw_unix_error(int error, const char* operation, const unix_endpoint& where) {
    throw std::system_error(io::operation::to_error_code(error), std::string(operation) + " " + where.to_string());
}

io::socket_role role_of(const unix_options& options) noexcept {
    return options.receives_handles ? io::socket_role::quiet_stream : io::socket_role::stream;
}

struct send_handles_call : detail::socket_call {
    send_handles_call(const_bytes b, std::span<const native_handle> h) noexcept
        : socket_call(&make, io::readiness::writable),
          bytes(b),
          handles(h) {}

    static int make(socket_call& call, io::socket& s) noexcept {
        auto& self = static_cast<send_handles_call&>(call);
        const io::handle_transfer sent = io::calls_of(s).send_handles(s.handle, self.bytes, self.handles);
        self.sent = sent.bytes;
        return sent.error;
    }

    const_bytes bytes;
    std::span<const native_handle> handles;
    std::size_t sent = 0;
};

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

struct receive_handles_call : detail::socket_call {
    receive_handles_call(std::span<std::byte> i, std::span<native_handle> h) noexcept
        : socket_call(&make, io::readiness::readable),
          into(i),
          handles(h) {}

    static int make(socket_call& call, io::socket& s) noexcept {
        auto& self = static_cast<receive_handles_call&>(call);
        self.received = io::calls_of(s).receive_handles(s.handle, self.into, self.handles);
        return self.received.error;
    }

    std::span<std::byte> into;
    std::span<native_handle> handles;
    io::handle_transfer received;
};

}  // namespace

task<unix_stream> unix_stream::connect(unix_endpoint to, unix_options options) {
    co_await detail::checkpoint();
    detail::loop_core& core = detail::require_core("unix_connect");
    io::system_calls& system = core.engine->calls();
    auto socket = detail::open_socket::unix_domain(io::socket_type::stream, system, "unix_connect");
    for (auto pause = 1ms;; pause = std::min(2 * pause, 100ms)) {
        const int error = system.connect_local(socket.get(), to);
        if (error == 0) break;
        if (!io::would_block(error)) throw_unix_error(error, "connect to", to);
        co_await sleep(pause);
    }
    co_return make(socket.release(), options);
}

unix_stream unix_stream::make(native_handle handle, const unix_options& options) {
    io::engine& engine = *detail::require_core("unix_stream").engine;
    return unix_stream(detail::keep_socket(engine.adopt(handle, role_of(options))));
}

std::pair<unix_stream, unix_stream> unix_stream::pair(const unix_options& options) {
    io::system_calls& system = detail::require_core("unix_stream::pair").engine->calls();
    io::handle_pair handles;
    if (const int error = system.open_pair(io::socket_type::stream, handles))
        throw std::system_error(io::operation::to_error_code(error), "unix_stream::pair");
    detail::open_socket second(system, handles.second);
    unix_stream a = make(handles.first, options);
    return {std::move(a), make(second.release(), options)};
}

unix_stream unix_stream::adopt(native_handle handle, const unix_options& options) {
    io::system_calls& system = detail::this_core ? detail::this_core->engine->calls() : io::native_calls();
    detail::open_socket guard(system, handle);
    detail::require_core("unix_stream::adopt");
    return make(guard.release(), options);
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
    send_handles_call call(bytes, handles);
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
    received_handles result;
    result.handles_.assign(most, invalid_handle);
    result.system_ = &detail::require_core("receive_handles").engine->calls();
    co_await readable_description(stream.get());
    receive_handles_call call(into, result.handles_);
    while (!call.done) co_await detail::attempt(stream, call, "receive_handles");
    result.handles_.resize(call.received.handles);
    result.bytes_ = call.received.bytes;
    co_return result;
}

received_handles::~received_handles() {
    for (const native_handle h : handles_) {
        if (h != invalid_handle) detail::close_left_handle(system_, h);
    }
}

process_credentials unix_stream::peer_credentials() const {
    const io::socket& s = require("peer_credentials");
    process_credentials peer;
    if (const int error = io::calls_of(s).peer_credentials(s.handle, peer))
        throw std::system_error(io::operation::to_error_code(error), "peer_credentials");
    return peer;
}

unix_endpoint unix_stream::local_endpoint() const { return detail::local_name_of(require("local_endpoint")); }

unix_endpoint unix_stream::remote_endpoint() const { return detail::remote_name_of(require("remote_endpoint")); }

}  // namespace async::inline v0
