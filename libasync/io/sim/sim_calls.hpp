// The system calls of a simulated world.
#pragma once

#include <libasync/io/sim/world.hpp>
#include <libasync/io/system_calls.hpp>

namespace async::inline v0::io::sim {

class sim_calls final : public system_calls {
public:
    explicit sim_calls(std::shared_ptr<world> w) noexcept : world_(std::move(w)) {}

    native_handle open_socket(socket_domain domain, socket_type type, int& error) noexcept override;
    int open_pair(socket_type type, handle_pair& pair) noexcept override;
    int open_pipe(handle_pair& pipe) noexcept override;
    void close_socket(native_handle handle) noexcept override;
    int reset_on_close(native_handle handle) noexcept override;
    int bind_socket(native_handle handle, const endpoint& where) noexcept override;
    int listen_socket(native_handle handle, int backlog) noexcept override;
    int set_option(native_handle handle, socket_option option, int value) noexcept override;
    int get_option(native_handle handle, socket_option option, int& value) noexcept override;
    int local_endpoint(native_handle handle, endpoint& where) noexcept override;
    int remote_endpoint(native_handle handle, endpoint& where) noexcept override;

    int bind_local(native_handle handle, const unix_endpoint& where) noexcept override;
    int connect_local(native_handle handle, const unix_endpoint& to) noexcept override;
    int local_name(native_handle handle, unix_endpoint& where) noexcept override;
    int remote_name(native_handle handle, unix_endpoint& where) noexcept override;
    int identify_path(const char* path, file_identity& identity) noexcept override;
    int remove_path(const char* path) noexcept override;
    int set_permissions(const char* path, std::uint32_t permissions) noexcept override;
    int peer_credentials(native_handle handle, process_credentials& peer) noexcept override;
    handle_transfer send_handles(native_handle handle, const_bytes bytes,
                                 std::span<const native_handle> handles) noexcept override;
    handle_transfer receive_handles(native_handle handle, std::span<std::byte> into,
                                    std::span<native_handle> handles) noexcept override;

    int connect_datagrams(native_handle handle, const endpoint* to) noexcept override;
    message_count send_messages(native_handle handle, std::span<const outgoing_message> messages) noexcept override;
    message_count receive_messages(native_handle handle, std::span<incoming_message> messages) noexcept override;
    int change_membership(native_handle handle, const multicast_group& group, membership m) noexcept override;

    transfer_result send_now(native_handle handle, const_bytes bytes) noexcept override;
    transfer_result send_file(native_handle to, native_handle file, std::uint64_t offset,
                              std::size_t count) noexcept override;
    int open_relay(relay& between) noexcept override;
    std::size_t cached(native_handle file, std::uint64_t offset, std::size_t count) noexcept override;
    void close_file(native_handle file) noexcept override;

private:
    int open_ends(const std::shared_ptr<object>& a, const std::shared_ptr<object>& b, handle_pair& pair) noexcept;

    std::shared_ptr<world> world_;
};

}  // namespace async::inline v0::io::sim
