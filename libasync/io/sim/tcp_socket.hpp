// A TCP socket of the simulated system: fresh, listening, connecting, or one end of a connection.
#pragma once

#include <deque>
#include <memory>

#include <libasync/io/sim/stream_object.hpp>
#include <libasync/io/system_calls.hpp>

namespace async::inline v0::io::sim {

class tcp_socket final : public stream_object, public std::enable_shared_from_this<tcp_socket> {
public:
    tcp_socket(world& w, host_id host, address_family family) noexcept : world_(w), host_(host), family_(family) {}
    // One end of a connection.
    tcp_socket(world& w, std::shared_ptr<connection> c, side s, const endpoint& local, const endpoint& remote) noexcept;
    ~tcp_socket() override;

    // As the system calls of these names, without waiting; errno values.
    int bind(const endpoint& where) noexcept;
    int listen(int backlog) noexcept;
    int connect(const endpoint& where) noexcept override;
    bool acceptable() const noexcept override { return state_ != state::listening || !queue_.empty(); }
    std::shared_ptr<stream_object> accept(int& error) noexcept override;
    int set_option(socket_option option, int value) noexcept;
    int get_option(socket_option option, int& value) const noexcept;
    int remote_endpoint(endpoint& where) const noexcept;
    void reset_on_close() noexcept { reset_on_close_ = true; }
    void closed() noexcept override;

    const endpoint& local() const noexcept { return local_; }
    address_family family() const noexcept { return family_; }
    host_id host() const noexcept { return host_; }
    bool listening() const noexcept { return state_ == state::listening; }
    bool dual_stack() const noexcept { return family_ == address_family::ipv6 && options_[ipv6_only_option] == 0; }
    bool reuses_port() const noexcept { return options_[reuse_port_option] != 0; }
    bool reuses_address() const noexcept { return options_[reuse_address_option] != 0; }

private:
    friend class network;
    enum class state : std::uint8_t { fresh, bound, listening, connecting, refused, connected, closed };
    static constexpr std::size_t reuse_address_option = static_cast<std::size_t>(socket_option::reuse_address);
    static constexpr std::size_t reuse_port_option = static_cast<std::size_t>(socket_option::reuse_port);
    static constexpr std::size_t ipv6_only_option = static_cast<std::size_t>(socket_option::ipv6_only);

    void knock(const endpoint& to, unsigned tries) noexcept;
    void knock_again(const endpoint& to, unsigned tries) noexcept;
    void at_the_door(const endpoint& to, unsigned tries) noexcept;
    void decide(int error) noexcept;
    void answered(std::shared_ptr<connection> c, const endpoint& peer) noexcept;
    bool full() const noexcept { return queue_.size() > static_cast<std::size_t>(backlog_); }
    void apply_buffers() noexcept;

    world& world_;
    const host_id host_;
    const address_family family_;
    state state_ = state::fresh;
    bool reset_on_close_ = false;
    endpoint local_;
    endpoint remote_;
    int options_[static_cast<std::size_t>(socket_option::hops) + 1]{};

    int backlog_ = 0;
    std::deque<std::shared_ptr<tcp_socket>> queue_;

    int connect_error_ = 0;
};

}  // namespace async::inline v0::io::sim
