// What the engine knows of a socket. It stays until the user has released it, the kernel holds no request
// that names it, and no chunk that it was lent is out.
#pragma once

#include <libasync/io/engine.hpp>
#include <libasync/io/uring/provided_buffers.hpp>

namespace async::inline v0::io::uring {

// A request that stays in the kernel for long: a multishot receive, accept or poll.
struct standing_request {
    bool armed : 1 = false;
    bool stopping : 1 = false;   // it is to end
    bool stop_sent : 1 = false;  // and the kernel is told so
};

class uring_socket : public socket {
public:
    bool descriptor_open() const noexcept { return handle != invalid_handle; }
    int descriptor() const noexcept { return static_cast<int>(handle); }

    operation* reader = nullptr;  // waits for data, or for a connection
    operation* closer = nullptr;  // waits until the kernel has finished: a close, or a pause
    std::uint32_t in_flight = 0;  // requests that the kernel has not finished
    bool closing : 1 = false;
    bool released : 1 = false;
    bool starved : 1 = false;  // found the submission queue full: the next visit tries again

protected:
    explicit uring_socket(socket_role r) noexcept : socket(r) {}
};

class uring_stream;

// The place of a stream among those that are to be looked at once more.
struct doubt_link : detail::list_node {
    explicit doubt_link(uring_stream& s) noexcept : stream(s) {}
    ~doubt_link() { unlink_if_linked(); }
    uring_stream& stream;
};

class uring_stream final : public uring_socket {
public:
    explicit uring_stream(socket_role r = socket_role::stream) noexcept
        : uring_socket(r),
          poll_mode(r != socket_role::stream) {}

    // Tells the engine, if the stream waited for that.
    void chunk_returned() noexcept;

    operation* writer = nullptr;  // send or connect

    // Arrived buffers that nobody has read yet, linked through the pool.
    std::uint32_t first_buffer = provided_buffers::none;
    std::uint32_t last_buffer = provided_buffers::none;
    std::uint32_t first_offset = 0;  // bytes of the first one that are read already
    std::uint16_t queued = 0;
    std::uint16_t lent = 0;
    std::uint16_t group = 0;  // that the armed receive draws from

    standing_request receive;
    standing_request poll;
    doubt_link doubt{*this};
    bool poll_mode : 1;             // chunks are read when a poll says so, not received by the kernel
    bool readable : 1 = false;      // a poll said so, and no read found the end since
    bool hung_up : 1 = false;       // there is an end to be read
    bool ended : 1 = false;         // and it was read
    bool doubtful : 1 = false;      // more may be there than the kernel tells, see doubts.cpp
    bool quiet : 1 = false;         // and nothing happened since the last tick
    bool writer_polls : 1 = false;  // the writer's request is a poll
    std::uint8_t full_buffers = 0;  // in a row
    std::uint8_t small_reads = 0;   // in a row, in crowded visits
    std::uint8_t lonely_reads = 0;  // in a row, in visits with little else
    std::uint8_t unread_polls = 0;  // in a row, while nobody read
};

class uring_listener final : public uring_socket {
public:
    uring_listener() noexcept : uring_socket(socket_role::listener) {}

    detail::list<uring_stream> accepted;  // that nobody has taken yet
    std::uint32_t accepted_count = 0;
    standing_request accept;
};

}  // namespace async::inline v0::io::uring
