#include <libasync/io/sim/sim_calls.hpp>

#include <cerrno>

#include <libasync/io/sim/datagram_socket.hpp>
#include <libasync/io/sim/local_datagram_socket.hpp>
#include <libasync/io/sim/local_socket.hpp>
#include <libasync/io/sim/tcp_socket.hpp>

namespace async::inline v0::io::sim {

native_handle sim_calls::open_socket(socket_domain domain, socket_type type, int& error) noexcept {
    const unfailing no_failures;
    if (world_->strikes(fault::socket_error)) {
        error = world_->error_of(fault::socket_error);
        return invalid_handle;
    }
    const address_family family = domain == socket_domain::ipv6 ? address_family::ipv6 : address_family::ipv4;
    std::shared_ptr<object> made;
    if (domain == socket_domain::local) {
        if (type == socket_type::stream) {
            made = std::make_shared<local_socket>(*world_);
        } else {
            made = std::make_shared<local_datagram_socket>(*world_);
        }
    } else if (type == socket_type::stream) {
        made = std::make_shared<tcp_socket>(*world_, world_->current_host(), family);
    } else {
        made = std::make_shared<datagram_socket>(*world_, world_->current_host(), family);
    }
    const native_handle handle = world_->descriptors.add(std::move(made));
    error = handle == invalid_handle ? EMFILE : 0;
    return handle;
}

int sim_calls::open_ends(const std::shared_ptr<object>& a, const std::shared_ptr<object>& b,
                         handle_pair& pair) noexcept {
    pair.first = world_->descriptors.add(a);
    if (pair.first == invalid_handle) return EMFILE;
    pair.second = world_->descriptors.add(b);
    if (pair.second != invalid_handle) return 0;
    world_->descriptors.remove(pair.first);
    return EMFILE;
}

int sim_calls::open_pair(socket_type type, handle_pair& pair) noexcept {
    const unfailing no_failures;
    if (type == socket_type::stream) {
        const local_pair ends = make_local_pair(*world_);
        return open_ends(ends.a, ends.b, pair);
    }
    const auto a = std::make_shared<local_datagram_socket>(*world_);
    const auto b = std::make_shared<local_datagram_socket>(*world_);
    local_datagram_socket::join(a, b);
    return open_ends(a, b, pair);
}

int sim_calls::open_pipe(handle_pair& pipe) noexcept {
    const unfailing no_failures;
    const local_pair ends = make_pipe(*world_);
    return open_ends(ends.a, ends.b, pipe);
}

void sim_calls::close_socket(native_handle handle) noexcept {
    const unfailing no_failures;
    world_->descriptors.remove(handle);
}

int sim_calls::reset_on_close(native_handle handle) noexcept {
    const auto s = world_->descriptors.find<tcp_socket>(handle);
    if (!s) return world_->descriptors.find(handle) ? 0 : EBADF;
    s->reset_on_close();
    return 0;
}

int sim_calls::bind_socket(native_handle handle, const endpoint& where) noexcept {
    const unfailing no_failures;
    if (const auto s = world_->descriptors.find<datagram_socket>(handle)) return s->bind(where);
    const auto s = world_->descriptors.find<tcp_socket>(handle);
    return s ? s->bind(where) : EBADF;
}

int sim_calls::listen_socket(native_handle handle, int backlog) noexcept {
    const unfailing no_failures;
    if (const auto s = world_->descriptors.find<local_socket>(handle)) return s->listen(backlog);
    const auto s = world_->descriptors.find<tcp_socket>(handle);
    return s ? s->listen(backlog) : EBADF;
}

int sim_calls::set_option(native_handle handle, socket_option option, int value) noexcept {
    if (const auto s = world_->descriptors.find<datagram_socket>(handle)) return s->set_option(option, value);
    if (const auto s = world_->descriptors.find<tcp_socket>(handle)) return s->set_option(option, value);
    if (!world_->descriptors.find(handle)) return EBADF;
    return option == socket_option::no_delay ? EOPNOTSUPP : 0;
}

int sim_calls::get_option(native_handle handle, socket_option option, int& value) noexcept {
    if (const auto s = world_->descriptors.find<datagram_socket>(handle)) return s->get_option(option, value);
    const auto s = world_->descriptors.find<tcp_socket>(handle);
    return s ? s->get_option(option, value) : EBADF;
}

int sim_calls::local_endpoint(native_handle handle, endpoint& where) noexcept {
    if (const auto s = world_->descriptors.find<datagram_socket>(handle)) {
        where = s->local();
        return 0;
    }
    const auto s = world_->descriptors.find<tcp_socket>(handle);
    if (!s) return EBADF;
    where = s->local();
    return 0;
}

int sim_calls::remote_endpoint(native_handle handle, endpoint& where) noexcept {
    if (const auto s = world_->descriptors.find<datagram_socket>(handle)) return s->remote_endpoint(where);
    const auto s = world_->descriptors.find<tcp_socket>(handle);
    return s ? s->remote_endpoint(where) : EBADF;
}

void sim_calls::close_file(native_handle file) noexcept { close_socket(file); }

}  // namespace async::inline v0::io::sim
