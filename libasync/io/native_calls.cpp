#include <libasync/io/file_calls.hpp>
#include <libasync/io/native_socket.hpp>
#include <libasync/io/system_calls.hpp>

namespace async::inline v0::io {

namespace {

class native final : public system_calls {
public:
    native_handle open_tcp_socket(address_family family, int& error) noexcept override {
        return io::open_tcp_socket(family, error);
    }
    void close_socket(native_handle handle) noexcept override { io::close_socket(handle); }
    int reset_on_close(native_handle handle) noexcept override { return io::reset_on_close(handle); }
    int bind_socket(native_handle handle, const endpoint& where) noexcept override {
        return io::bind_socket(handle, where);
    }
    int listen_socket(native_handle handle, int backlog) noexcept override {
        return io::listen_socket(handle, backlog);
    }
    int set_option(native_handle handle, socket_option option, int value) noexcept override {
        return io::set_option(handle, option, value);
    }
    int get_option(native_handle handle, socket_option option, int& value) noexcept override {
        return io::get_option(handle, option, value);
    }
    int local_endpoint(native_handle handle, endpoint& where) noexcept override {
        return io::local_endpoint(handle, where);
    }
    int remote_endpoint(native_handle handle, endpoint& where) noexcept override {
        return io::remote_endpoint(handle, where);
    }
    void close_file(native_handle file) noexcept override { io::close_file(file); }
};

}  // namespace

system_calls& native_calls() noexcept {
    static native calls;
    return calls;
}

}  // namespace async::inline v0::io
