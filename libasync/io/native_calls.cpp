#include <libasync/io/file_calls.hpp>
#include <libasync/io/native_messages.hpp>
#include <libasync/io/native_socket.hpp>
#include <libasync/io/relay.hpp>
#include <libasync/io/system_calls.hpp>

namespace async::inline v0::io {

namespace {

class native_system final : public system_calls {
public:
    native_handle open_socket(socket_domain domain, socket_type type, int& error) noexcept override {
        return io::open_socket(domain, type, error);
    }
    int open_pair(socket_type type, handle_pair& pair) noexcept override { return native::open_pair(type, pair); }
    int open_pipe(handle_pair& pipe) noexcept override { return native::open_pipe(pipe); }
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
    int bind_local(native_handle handle, const unix_endpoint& where) noexcept override {
        return native::bind_local(handle, where);
    }
    int connect_local(native_handle handle, const unix_endpoint& to) noexcept override {
        return native::connect_local(handle, to);
    }
    int local_name(native_handle handle, unix_endpoint& where) noexcept override {
        return native::local_name(handle, where);
    }
    int remote_name(native_handle handle, unix_endpoint& where) noexcept override {
        return native::remote_name(handle, where);
    }
    int identify_path(const char* path, file_identity& identity) noexcept override {
        return native::identify_path(path, identity);
    }
    int remove_path(const char* path) noexcept override { return native::remove_path(path); }
    int set_permissions(const char* path, std::uint32_t permissions) noexcept override {
        return native::set_permissions(path, permissions);
    }
    int peer_credentials(native_handle handle, process_credentials& peer) noexcept override {
        return native::peer_credentials(handle, peer);
    }
    handle_transfer send_handles(native_handle handle, const_bytes bytes,
                                 std::span<const native_handle> handles) noexcept override {
        return native::send_handles(handle, bytes, handles);
    }
    handle_transfer receive_handles(native_handle handle, std::span<std::byte> into,
                                    std::span<native_handle> handles) noexcept override {
        return native::receive_handles(handle, into, handles);
    }
    int connect_datagrams(native_handle handle, const endpoint* to) noexcept override {
        return native::connect_datagrams(handle, to);
    }
    message_count send_messages(native_handle handle, std::span<const outgoing_message> messages) noexcept override {
        return native::send_messages(handle, messages);
    }
    message_count receive_messages(native_handle handle, std::span<incoming_message> messages) noexcept override {
        return native::receive_messages(handle, messages);
    }
    int change_membership(native_handle handle, const multicast_group& group, membership m) noexcept override {
        return native::change_membership(handle, group, m);
    }
    transfer_result send_now(native_handle handle, const_bytes bytes) noexcept override {
        return io::send_now(handle, &bytes, 1);
    }
    transfer_result send_file(native_handle to, native_handle file, std::uint64_t offset,
                              std::size_t count) noexcept override {
        return native::send_file(to, file, offset, count);
    }
    int open_relay(relay& between) noexcept override { return between.open(); }
    std::size_t cached(native_handle file, std::uint64_t offset, std::size_t count) noexcept override {
        return io::cached(file, offset, count);
    }
    void close_file(native_handle file) noexcept override { io::close_file(file); }
};

}  // namespace

system_calls& native_calls() noexcept {
    static native_system calls;
    return calls;
}

}  // namespace async::inline v0::io
