// A connection of the simulated network: two ends, and what is on its way between them. TCP without its packets: bytes
// arrive in order or not at all, what is lost comes later, windows are limits, and resets travel like everything else.
// What a socket shows of them follows Linux (tcp(7)).
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include <libasync/io/native_socket.hpp>
#include <libasync/io/sim/byte_queue.hpp>
#include <libasync/io/sim/network.hpp>
#include <libasync/io/sim/object.hpp>

namespace async::inline v0::io::sim {

enum class side : std::uint8_t { a, b };

constexpr side other(side s) noexcept { return s == side::a ? side::b : side::a; }

class connection : public std::enable_shared_from_this<connection> {
public:
    static constexpr std::size_t default_buffer = 128 * 1024;

    // local: what is sent has arrived, and who writes sees at once that nobody reads any more.
    enum class reach : bool { network, local };
    connection(world& w, host_id a, host_id b, reach r = reach::network) noexcept;
    // `writer` alone sends.
    void make_one_way(side writer) noexcept;

    // As send(2) and recv(2) without waiting.
    transfer_result send(side s, const const_bytes* buffers, std::size_t count) noexcept;
    transfer_result receive(side s, void* data, std::size_t size) noexcept;
    // What was received goes back to the front.
    void put_back(side s, const void* data, std::size_t size) noexcept;
    // Objects that go with the byte that `s` has sent, or sends, at `position`; and those that have come.
    void attach(side s, std::uint64_t position, const std::vector<std::shared_ptr<object>>& objects) noexcept;
    std::uint64_t sent(side s) const noexcept { return end_of(s).sent; }
    std::vector<std::shared_ptr<object>> take_attached(side s) noexcept;
    int shut_down_writes(side s) noexcept;
    // Unread data, or `reset`, makes it a reset; else the end follows what is unsent.
    enum class how : bool { gracefully, reset };
    void close(side s, how h) noexcept;
    // The connection ends here with `error`, as if it had timed out; the other end learns it by a reset.
    void break_off(side s, int error) noexcept;

    bool readable(side s) const noexcept;
    bool writable(side s) const noexcept;
    // Reset, or both ends were announced and seen: it has no peer any more.
    bool over(side s) const noexcept {
        return end_of(s).dead || (end_of(s).end_arrived && end_of(other(s)).end_arrived);
    }

    void watch(side s, readiness* watcher) noexcept { end_of(s).watcher = watcher; }
    void set_receive_limit(side s, std::size_t bytes) noexcept { end_of(s).receive_limit = bytes; }
    void set_send_limit(side s, std::size_t bytes) noexcept { end_of(s).send_limit = bytes; }
    host_id host(side s) const noexcept { return end_of(s).host; }

private:
    enum class what : std::uint8_t { bytes, end, reset };
    struct segment {
        what kind;
        std::vector<std::byte> bytes;
        time_point arrives;
        unsigned tries = 0;
        time_point first_try;
    };
    struct attachment {
        std::uint64_t position;  // of the byte that they come with
        std::vector<std::shared_ptr<object>> objects;
    };
    struct one_end {
        host_id host = 0;
        readiness* watcher = nullptr;
        bool open = true;   // a socket shows it
        bool dead = false;  // reset: nothing is sent or taken any more
        bool shut = false;  // its own end was announced
        bool end_sent = false;
        bool end_arrived = false;  // the other's
        int error = 0;             // told once
        std::size_t send_limit = default_buffer;
        std::size_t receive_limit = default_buffer;
        byte_queue unsent;
        byte_queue unread;
        std::uint64_t sent = 0;      // bytes
        std::uint64_t received = 0;
        std::deque<attachment> attached;  // by this end; the other takes them
        std::deque<segment> travelling;  // from here to the other end
        std::size_t travelling_bytes = 0;
        time_point link_free_at{};
    };

    one_end& end_of(side s) noexcept { return ends_[static_cast<std::size_t>(s)]; }
    const one_end& end_of(side s) const noexcept { return ends_[static_cast<std::size_t>(s)]; }

    std::size_t room_of(side s) const noexcept;
    void pump(side s) noexcept;
    void launch(side s, segment what) noexcept;
    void launch_reset(side s) noexcept;
    void schedule(side s) noexcept;
    void on_time(side s) noexcept;
    void deliver(side from, segment& what) noexcept;
    void deliver_bytes(side to, const std::vector<std::byte>& bytes) noexcept;
    void deliver_reset(side to) noexcept;
    void wake(one_end& e) noexcept;

    world& world_;
    const reach reach_;
    bool one_way_ = false;
    one_end ends_[2];
};

}  // namespace async::inline v0::io::sim
