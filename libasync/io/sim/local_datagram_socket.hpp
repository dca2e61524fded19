// A datagram socket within a machine, under a name or one of a pair (unix(7)): nothing is lost, and who sends waits for
// room.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <libasync/io/messages.hpp>
#include <libasync/io/sim/object.hpp>

namespace async::inline v0::io::sim {

class world;

class local_datagram_socket final : public object, public std::enable_shared_from_this<local_datagram_socket> {
public:
    static constexpr std::size_t most_waiting = 10;       // datagrams (net.unix.max_dgram_qlen)
    static constexpr std::size_t largest = 212'960;  // bytes

    explicit local_datagram_socket(world& w) noexcept : world_(w) {}

    // As socketpair(2).
    static void join(const std::shared_ptr<local_datagram_socket>& a,
                     const std::shared_ptr<local_datagram_socket>& b) noexcept;

    // As the system calls of these names, without waiting; errno values.
    int bind(std::string_view name) noexcept;
    int connect(std::string_view name) noexcept;
    int send(const_bytes data, const unix_endpoint* to) noexcept;
    // EAGAIN if there is nothing.
    int receive(incoming_message& m) noexcept;

    std::string_view name() const noexcept { return name_; }
    std::string_view peer_name() const noexcept;
    bool connected() const noexcept { return !peer_.expired(); }

    bool readable() const noexcept override { return !queue_.empty(); }
    bool writable() const noexcept override;
    void closed() noexcept override;

private:
    struct datagram {
        std::vector<std::byte> bytes;
        std::string from;
    };

    world& world_;
    std::string name_;
    std::weak_ptr<local_datagram_socket> peer_;
    std::weak_ptr<local_datagram_socket> awaited_;  // had no room when this one wrote to it
    std::vector<std::weak_ptr<local_datagram_socket>> writers_;  // that wait for room here
    std::deque<datagram> queue_;
    bool open_ = true;
};

}  // namespace async::inline v0::io::sim
