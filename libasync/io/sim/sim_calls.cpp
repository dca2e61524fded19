#include <libasync/io/sim/sim_calls.hpp>

#include <cerrno>

#include <libasync/io/sim/tcp_socket.hpp>

namespace async::inline v0::io::sim {

native_handle sim_calls::open_tcp_socket(address_family family, int& error) noexcept {
    const unfailing no_failures;
    if (world_->strikes(fault::socket_error)) {
        error = world_->error_of(fault::socket_error);
        return invalid_handle;
    }
    const native_handle handle =
        world_->descriptors.add(std::make_shared<tcp_socket>(*world_, world_->current_host(), family));
    error = handle == invalid_handle ? EMFILE : 0;
    return handle;
}

void sim_calls::close_socket(native_handle handle) noexcept {
    const unfailing no_failures;
    if (const std::shared_ptr<object> o = world_->descriptors.remove(handle)) o->closed();
}

int sim_calls::reset_on_close(native_handle handle) noexcept {
    const auto s = world_->descriptors.find<tcp_socket>(handle);
    if (!s) return EBADF;
    s->reset_on_close();
    return 0;
}

int sim_calls::bind_socket(native_handle handle, const endpoint& where) noexcept {
    const unfailing no_failures;
    const auto s = world_->descriptors.find<tcp_socket>(handle);
    return s ? s->bind(where) : EBADF;
}

int sim_calls::listen_socket(native_handle handle, int backlog) noexcept {
    const unfailing no_failures;
    const auto s = world_->descriptors.find<tcp_socket>(handle);
    return s ? s->listen(backlog) : EBADF;
}

int sim_calls::set_option(native_handle handle, socket_option option, int value) noexcept {
    const auto s = world_->descriptors.find<tcp_socket>(handle);
    return s ? s->set_option(option, value) : EBADF;
}

int sim_calls::get_option(native_handle handle, socket_option option, int& value) noexcept {
    const auto s = world_->descriptors.find<tcp_socket>(handle);
    return s ? s->get_option(option, value) : EBADF;
}

int sim_calls::local_endpoint(native_handle handle, endpoint& where) noexcept {
    const auto s = world_->descriptors.find<tcp_socket>(handle);
    if (!s) return EBADF;
    where = s->local();
    return 0;
}

int sim_calls::remote_endpoint(native_handle handle, endpoint& where) noexcept {
    const auto s = world_->descriptors.find<tcp_socket>(handle);
    return s ? s->remote_endpoint(where) : EBADF;
}

void sim_calls::close_file(native_handle file) noexcept { close_socket(file); }

}  // namespace async::inline v0::io::sim
