#include <libasync/net/bound_path.hpp>

#include <cerrno>
#include <new>
#include <utility>

#include <libasync/net/socket_setup.hpp>

namespace async::inline v0::detail {

namespace {

// Nobody has it open: what stands at the path is left of a program that has ended.
bool is_stale(io::system_calls& system, io::socket_type type, const unix_endpoint& where, const char* operation) {
    auto probe = open_socket::unix_domain(type, system, operation);
    return system.connect_local(probe.get(), where) == ECONNREFUSED;
}

}  // namespace

bound_path bound_path::bind(io::system_calls& system, native_handle socket, io::socket_type type,
                            const unix_endpoint& where, const path_options& options, const char* operation) {
    const bool has_path = !where.empty() && !where.is_abstract();
    int error = system.bind_local(socket, where);
    if (error == EADDRINUSE && has_path && options.replace_stale && is_stale(system, type, where, operation)) {
        error = system.remove_path(where.path().c_str());
        if (error == 0) error = system.bind_local(socket, where);
    }
    bound_path bound;
    bound.where_ = where;
    if (error == 0 && has_path) {
        const std::string path = where.path();
        error = system.identify_path(path.c_str(), bound.identity_);
        bound.system_ = &system;
        if (error == 0 && options.permissions != 0) error = system.set_permissions(path.c_str(), options.permissions);
    }
    if (error != 0) throw_socket_error(error, operation, where);
    return bound;
}

bound_path& bound_path::operator=(bound_path&& other) noexcept {
    if (this != &other) {
        remove();
        where_ = other.where_;
        identity_ = std::exchange(other.identity_, {});
        system_ = other.system_;
    }
    return *this;
}

void bound_path::remove() noexcept {
    const io::file_identity ours = std::exchange(identity_, {});
    if (ours.number == 0) return;
    const bool here = this_core != nullptr && &this_core->engine->calls() == system_;
    if (!here && system_ != &io::native_calls()) return;
    try {
        const std::string path = where_.path();
        io::file_identity now;
        if (system_->identify_path(path.c_str(), now) != 0) return;
        if (now == ours) system_->remove_path(path.c_str());
    } catch (const std::bad_alloc&) {
        // It stays, and the next program finds that nobody listens there.
    }
}

}  // namespace async::inline v0::detail
