// The system calls for messages, unix sockets and pipes, under one name for POSIX and Windows; as in native_socket.hpp.
// See io/system_calls.hpp for what each does.
#pragma once

#include <libasync/io/system_calls.hpp>

namespace async::inline v0::io::native {

// The name in a sockaddr_un of so many bytes.
unix_endpoint unix_name_of(const void* native, std::size_t size) noexcept;

// Unless the program has chosen what becomes of that signal.
void ignore_sigpipe() noexcept;

int open_pair(socket_type type, handle_pair& pair) noexcept;
int open_pipe(handle_pair& pipe) noexcept;

int bind_local(native_handle handle, const unix_endpoint& where) noexcept;
int connect_local(native_handle handle, const unix_endpoint& to) noexcept;
int local_name(native_handle handle, unix_endpoint& where) noexcept;
int remote_name(native_handle handle, unix_endpoint& where) noexcept;
int identify_path(const char* path, file_identity& identity) noexcept;
int remove_path(const char* path) noexcept;
int set_permissions(const char* path, std::uint32_t permissions) noexcept;
int peer_credentials(native_handle handle, process_credentials& peer) noexcept;
handle_transfer send_handles(native_handle handle, const_bytes bytes, std::span<const native_handle> handles) noexcept;
handle_transfer receive_handles(native_handle handle, std::span<std::byte> into,
                                std::span<native_handle> handles) noexcept;

int connect_datagrams(native_handle handle, const endpoint* to) noexcept;
message_count send_messages(native_handle handle, std::span<const outgoing_message> messages) noexcept;
message_count receive_messages(native_handle handle, std::span<incoming_message> messages) noexcept;
int change_membership(native_handle handle, const multicast_group& group, membership m) noexcept;

transfer_result send_file(native_handle to, native_handle file, std::uint64_t offset, std::size_t count) noexcept;
transfer_result splice(native_handle from, native_handle to, std::size_t count) noexcept;

}  // namespace async::inline v0::io::native
