#include <libasync/net/unix_listener.hpp>

#include <cerrno>

#include <libasync/net/accept.hpp>
#include <libasync/net/socket_setup.hpp>

namespace async::inline v0 {

namespace {

[[noreturn]] void throw_listen_error(int error, const unix_endpoint& where) {
    throw std::system_error(io::operation::to_error_code(error), "listen on " + where.to_string());
}

// Nobody listens there: what stands at the path is left of a program that has ended.
bool is_stale(io::system_calls& system, const unix_endpoint& where) {
    auto probe = detail::open_socket::unix_domain(io::socket_type::stream, system, "listen");
    return system.connect_local(probe.get(), where) == ECONNREFUSED;
}

int bind_path(io::system_calls& system, native_handle handle, const unix_endpoint& where, bool replace_stale) {
    const int error = system.bind_local(handle, where);
    if (error != EADDRINUSE || !replace_stale || where.is_abstract() || !is_stale(system, where)) return error;
    if (const int removal = system.remove_path(where.path().c_str())) return removal;
    return system.bind_local(handle, where);
}

}  // namespace

unix_listener unix_listener::bind(unix_endpoint where, const unix_listen_options& options) {
    detail::loop_core& core = detail::require_core("unix_listener::bind");
    io::system_calls& system = core.engine->calls();
    auto socket = detail::open_socket::unix_domain(io::socket_type::stream, system, "listen");
    unix_listener listener;
    if (const int error = bind_path(system, socket.get(), where, options.replace_stale)) throw_listen_error(error, where);
    listener.where_ = where;
    if (!where.is_abstract()) {
        const std::string path = where.path();
        io::file_identity identity;
        int error = system.identify_path(path.c_str(), identity);
        listener.device_ = identity.device;
        listener.inode_ = identity.number;
        listener.system_ = &system;
        if (error == 0 && options.permissions != 0) error = system.set_permissions(path.c_str(), options.permissions);
        if (error != 0) throw_listen_error(error, where);
    }
    if (const int error = system.listen_socket(socket.get(), options.backlog)) throw_listen_error(error, where);
    listener.state_ =
        detail::keep_socket(core.engine->adopt(socket.release(), io::socket_role::listener));
    listener.connection_ = options.connection;
    return listener;
}

unix_listener& unix_listener::operator=(unix_listener&& other) noexcept {
    if (this != &other) {
        remove_path();
        state_ = std::move(other.state_);
        connection_ = other.connection_;
        where_ = other.where_;
        device_ = other.device_;
        inode_ = std::exchange(other.inode_, 0);
        system_ = other.system_;
    }
    return *this;
}

void unix_listener::remove_path() noexcept {
    const std::uint64_t inode = std::exchange(inode_, 0);
    if (inode == 0) return;
    const bool here = detail::this_core != nullptr && &detail::this_core->engine->calls() == system_;
    if (!here && system_ != &io::native_calls()) return;
    try {
        const std::string path = where_.path();
        io::file_identity now;
        if (system_->identify_path(path.c_str(), now) != 0) return;
        if (now == io::file_identity{device_, inode}) system_->remove_path(path.c_str());
    } catch (const std::bad_alloc&) {
        // It stays, and the next program finds that nobody listens there.
    }
}

task<unix_stream> unix_listener::accept() { return accept_on(detail::stream_ref(state_.get()), connection_); }

task<unix_stream> unix_listener::accept_on(detail::stream_ref listener, unix_options options) {
    io::socket_ptr socket = co_await detail::accept_socket(std::move(listener));
    if (!options.receives_handles) co_return unix_stream(detail::keep_socket(std::move(socket)));
    co_return unix_stream::make(detail::take_from_engine(*socket, "accept"), options);
}

task<void> unix_listener::close() {
    remove_path();
    return detail::close_stream(std::move(state_));
}

}  // namespace async::inline v0
