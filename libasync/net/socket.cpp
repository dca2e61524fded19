#include <libasync/net/socket.hpp>

#include <libasync/net/attempt.hpp>
#include <libasync/net/connect_operation.hpp>
#include <libasync/net/socket_setup.hpp>

namespace async::inline v0 {

namespace {

[[noreturn]] void throw_error(int error, const std::string& what) {
    throw std::system_error(io::operation::to_error_code(error), what);
}

struct send_call : detail::socket_call {
    explicit send_call(const_bytes b) noexcept : socket_call(&make, io::readiness::writable), bytes(b) {}

    static int make(socket_call& call, io::socket& s) noexcept {
        auto& self = static_cast<send_call&>(call);
        const io::transfer_result sent = io::calls_of(s).send_now(s.handle, self.bytes);
        self.sent = sent.bytes;
        return sent.error;
    }

    const_bytes bytes;
    std::size_t sent = 0;
};

struct accept_description : detail::stream_description<accept_description> {
    using operation = io::accept_op;
    using value_type = io::socket_ptr;

    using stream_description::stream_description;
    operation make() const noexcept { return operation(socket()); }
    void check(operation& op) const noexcept { check_open(op); }
    value_type finish(operation& op) const noexcept { return std::move(op.accepted); }
    std::string what() const { return detail::describe_socket("accept", socket()); }
};

task<std::size_t> send_on(detail::stream_ref state, const_bytes bytes) {
    send_call call(bytes);
    while (!call.done) co_await detail::attempt(state, call, "send");
    state.get()->written += call.sent;
    co_return call.sent;
}

task<void> connect_on(detail::stream_ref state, endpoint to) {
    if (state.socket() == nullptr) throw std::system_error(make_error_code(errc::closed), "connect to " + to.to_string());
    try {
        co_await detail::connect_description(state.socket(), &to);
    } catch (const cancelled&) {
        state.get()->socket.reset();  // it is in between
        throw;
    }
}

}  // namespace

socket socket::make(io::engine& engine, native_handle handle, io::socket_role role) {
    return socket(detail::keep_socket(engine.adopt(handle, role)));
}

socket socket::open(socket_domain domain, socket_type type) {
    io::engine& engine = *detail::require_core("socket::open").engine;
    int error = 0;
    const native_handle handle = engine.calls().open_socket(domain, type, error);
    if (handle == invalid_handle) throw_error(error, "socket::open");
    return make(engine, handle, io::socket_role::quiet_stream);
}

socket socket::adopt(native_handle handle) {
    detail::open_socket guard = detail::open_socket::given(handle, "socket::adopt");
    io::engine& engine = *detail::require_core("socket::adopt").engine;
    return make(engine, guard.release(), io::socket_role::quiet_stream);
}

io::socket& socket::require(const char* operation) const {
    if (!is_open()) throw std::system_error(make_error_code(errc::closed), operation);
    return *state_->socket;
}

void socket::bind(endpoint where) {
    const io::socket& s = require("bind");
    if (const int error = io::calls_of(s).bind_socket(s.handle, where)) throw_error(error, "bind " + where.to_string());
}

void socket::bind(unix_endpoint where) {
    const io::socket& s = require("bind");
    if (const int error = io::calls_of(s).bind_local(s.handle, where)) throw_error(error, "bind " + where.to_string());
}

// The engine treats one that listens in another way.
void socket::listen(int backlog) {
    io::socket& s = require("listen");
    if (const int error = io::calls_of(s).listen_socket(s.handle, backlog))
        throw_error(error, detail::describe_socket("listen", &s));
    io::engine& engine = *s.owner;
    *this = make(engine, detail::take_from_engine(s, "listen"), io::socket_role::listener);
}

void socket::set_option(socket_option option, int value) {
    const io::socket& s = require("set_option");
    if (const int error = io::calls_of(s).set_option(s.handle, option, value))
        throw_error(error, detail::describe_socket("set_option", &s));
}

int socket::get_option(socket_option option) const {
    const io::socket& s = require("get_option");
    int value = 0;
    if (const int error = io::calls_of(s).get_option(s.handle, option, value))
        throw_error(error, detail::describe_socket("get_option", &s));
    return value;
}

endpoint socket::local_endpoint() const { return detail::local_endpoint_of(require("local_endpoint")); }

endpoint socket::remote_endpoint() const { return detail::remote_endpoint_of(require("remote_endpoint")); }

task<void> socket::connect(endpoint to) { return connect_on(detail::stream_ref(state_.get()), to); }

task<socket> socket::accept() { return accept_on(detail::stream_ref(state_.get())); }

task<socket> socket::accept_on(detail::stream_ref listener) {
    io::socket_ptr accepted = co_await accept_description(listener.get());
    io::engine& engine = *accepted->owner;
    co_return make(engine, detail::take_from_engine(*accepted, "accept"), io::socket_role::quiet_stream);
}

task<std::size_t> socket::send(const_bytes bytes) { return send_on(detail::stream_ref(state_.get()), bytes); }

task<native_handle> socket::release() { return release_from(std::move(state_)); }

task<native_handle> socket::release_from(detail::stream_ptr state) {
    co_await detail::pause_description(state.get(), "release of");
    co_return detail::take_from_engine(*state->socket, "release");
}

}  // namespace async::inline v0
