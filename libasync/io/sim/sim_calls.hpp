// The system calls of a simulated world.
#pragma once

#include <libasync/io/sim/world.hpp>
#include <libasync/io/system_calls.hpp>

namespace async::inline v0::io::sim {

class sim_calls final : public system_calls {
public:
    explicit sim_calls(std::shared_ptr<world> w) noexcept : world_(std::move(w)) {}

    native_handle open_tcp_socket(address_family family, int& error) noexcept override;
    void close_socket(native_handle handle) noexcept override;
    int reset_on_close(native_handle handle) noexcept override;
    int bind_socket(native_handle handle, const endpoint& where) noexcept override;
    int listen_socket(native_handle handle, int backlog) noexcept override;
    int set_option(native_handle handle, socket_option option, int value) noexcept override;
    int get_option(native_handle handle, socket_option option, int& value) noexcept override;
    int local_endpoint(native_handle handle, endpoint& where) noexcept override;
    int remote_endpoint(native_handle handle, endpoint& where) noexcept override;
    void close_file(native_handle file) noexcept override;

private:
    std::shared_ptr<world> world_;
};

}  // namespace async::inline v0::io::sim
