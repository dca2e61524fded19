#include <libasync/net/socket_setup.hpp>

#include <libasync/net/attempt.hpp>

namespace async::inline v0::detail {

open_socket open_socket::of(io::socket_type type, io::system_calls& system, const endpoint& address,
                            const char* operation) {
    int error = 0;
    open_socket socket(system, system.open_socket(io::domain_of(address.family()), type, error));
    if (socket.get() == invalid_handle) throw_socket_error(error, operation, address);
    return socket;
}

open_socket open_socket::unix_domain(io::socket_type type, io::system_calls& system, const char* operation) {
    int error = 0;
    open_socket socket(system, system.open_socket(io::socket_domain::local, type, error));
    if (socket.get() == invalid_handle) throw std::system_error(io::operation::to_error_code(error), operation);
    return socket;
}

std::pair<open_socket, open_socket> open_socket::unix_pair(io::socket_type type, io::system_calls& system,
                                                           const char* operation) {
    io::handle_pair pair;
    if (const int error = system.open_pair(type, pair))
        throw std::system_error(io::operation::to_error_code(error), operation);
    return {open_socket(system, pair.first), open_socket(system, pair.second)};
}

open_socket open_socket::given(native_handle handle, const char* operation) {
    open_socket socket(this_core ? this_core->engine->calls() : io::native_calls(), handle);
    require_core(operation);
    return socket;
}

namespace {

// Closing is not refused in a cancelled scope: it takes effect first.
struct close_socket_description : io_description<close_socket_description> {
    using operation = io::close_op;
    using value_type = void;
    static constexpr bool ignores_cancellation = true;

    explicit close_socket_description(io::socket* s) noexcept : socket(s) {}
    operation make() const noexcept { return operation(socket); }
    void finish(operation&) const noexcept {}
    std::string what() const { return describe_socket("close", socket); }

    io::socket* socket;
};

}  // namespace

native_handle take_from_engine(io::socket& s, const char* operation) {
    const native_handle handle = s.owner->give_away(s);
    if (handle != invalid_handle) return handle;
    throw std::system_error(std::make_error_code(std::errc::function_not_supported), operation);
}

task<void> close_socket(state_owner<socket_state> state) {
    if (state && state->socket) co_await close_socket_description(state->socket.get());
}

void open_socket::set_option(io::socket_option option, int value, const char* name) const {
    set_option_or_throw(system_, handle_, option, value, name);
}

void throw_socket_error(int error, const char* operation, const endpoint& address) {
    throw std::system_error(io::operation::to_error_code(error), std::string(operation) + " " + address.to_string());
}

void throw_socket_error(int error, const char* operation, const unix_endpoint& address) {
    throw std::system_error(io::operation::to_error_code(error), std::string(operation) + " " + address.to_string());
}

void set_option_or_throw(io::system_calls& system, native_handle handle, io::socket_option option, int value,
                         const char* name) {
    const int error = system.set_option(handle, option, value);
    if (error != 0) {
        throw std::system_error(io::operation::to_error_code(error), std::string("setting ") + name);
    }
}

namespace {

template <class Fact>
Fact fact_of(const io::socket& s, int (io::system_calls::*call)(native_handle, Fact&) noexcept, const char* name) {
    Fact fact;
    const int error = (io::calls_of(s).*call)(s.handle, fact);
    if (error != 0) throw std::system_error(io::operation::to_error_code(error), name);
    return fact;
}

}  // namespace

endpoint local_endpoint_of(const io::socket& s) {
    return fact_of<endpoint>(s, &io::system_calls::local_endpoint, "local_endpoint");
}

endpoint remote_endpoint_of(const io::socket& s) {
    return fact_of<endpoint>(s, &io::system_calls::remote_endpoint, "remote_endpoint");
}

unix_endpoint local_name_of(const io::socket& s) {
    return fact_of<unix_endpoint>(s, &io::system_calls::local_name, "local_endpoint");
}

unix_endpoint remote_name_of(const io::socket& s) {
    return fact_of<unix_endpoint>(s, &io::system_calls::remote_name, "remote_endpoint");
}

io::process_credentials peer_credentials_of(const io::socket& s) {
    return fact_of<io::process_credentials>(s, &io::system_calls::peer_credentials, "peer_credentials");
}

void close_left_handle(io::system_calls* system, native_handle handle) noexcept {
    const bool here = this_core != nullptr && &this_core->engine->calls() == system;
    if (here || system == &io::native_calls()) system->close_socket(handle);
}

}  // namespace async::inline v0::detail
