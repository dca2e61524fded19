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
    static constexpr std::size_t most_waiting = 10;  // datagrams (net.unix.max_dgram_qlen), unless both are connected
    static constexpr std::size_t buffer = 212'992;   // bytes on the way (net.core.wmem_default)
    static constexpr std::size_t largest = buffer - 32;
    // A datagram on the way costs the sender that many bytes more.
    static constexpr std::size_t overhead = 768;

    explicit local_datagram_socket(world& w) noexcept : world_(w) {}

    // As socketpair(2).
    static void join(const std::shared_ptr<local_datagram_socket>& a,
                     const std::shared_ptr<local_datagram_socket>& b) noexcept;

    using handle_list = std::vector<std::shared_ptr<object>>;

    // As the system calls of these names, without waiting; errno values. Without a name `bind` chooses an abstract one.
    int bind(std::string_view name) noexcept;
    int connect(std::string_view name) noexcept;
    void disconnect() noexcept { connect_to(nullptr); }
    int send(const_bytes data, const unix_endpoint* to, const handle_list& handles = {}) noexcept;
    // EAGAIN if there is nothing. What it brings is closed, or given to who asks for it: with a reference to be released.
    int receive(incoming_message& m, handle_list* handles = nullptr) noexcept;

    std::string_view name() const noexcept { return name_; }
    std::string_view peer_name() const noexcept;
    bool connected() const noexcept { return connected_; }
    bool is_paired() const noexcept { return paired_; }

    bool readable() const noexcept override { return !queue_.empty() || error_ != 0; }
    bool writable() const noexcept override;
    void closed() noexcept override;

private:
    using pointer = std::shared_ptr<local_datagram_socket>;
    struct datagram {
        std::vector<std::byte> bytes;
        std::string from;
        handle_list handles;
    };

    int find(std::string_view name, pointer& found) const noexcept;
    void connect_to(const pointer& peer) noexcept;
    bool is_connected_to(const local_datagram_socket& other) const noexcept {
        return connected_ && peer_.lock().get() == &other;
    }
    bool full_for(const local_datagram_socket& sender) const noexcept;
    void await_room_at(local_datagram_socket& receiver) noexcept;
    void wake_writers() noexcept;
    void drop_queue() noexcept;

    world& world_;
    std::string name_;
    std::weak_ptr<local_datagram_socket> peer_;
    std::weak_ptr<local_datagram_socket> awaited_;  // had no room when this one wrote to it
    std::vector<std::weak_ptr<local_datagram_socket>> writers_;  // that wait for room here
    std::deque<datagram> queue_;
    std::size_t queued_bytes_ = 0;
    int error_ = 0;
    bool connected_ = false;
    bool paired_ = false;
    bool open_ = true;
};

}  // namespace async::inline v0::io::sim
