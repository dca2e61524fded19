// The short way of `copy` between two sockets of the operating system: through io/relay.hpp, inside the kernel.
#pragma once

#include <cstdint>
#include <string>

#include <libasync/io/relay.hpp>
#include <libasync/net/stream_operations.hpp>

namespace async::inline v0::detail {

// Worth it for large pieces alone, so that small messages go the ordinary way, by one read and one write each. That way
// also has what comes first, what the engine has read ahead, the end, and errors.
class stream_relay {
public:
    // Either may be null, and both must be there for a short way.
    stream_relay(stream_state* from, stream_state* to) noexcept : from_(from), to_(to) {}
    stream_relay(const stream_relay&) = delete;
    stream_relay& operator=(const stream_relay&) = delete;

    // What has come at once, by a read in the ordinary way.
    void note(std::uint64_t size) noexcept;
    bool is_worth_it() const noexcept { return large_pieces_ >= large_pieces_first && possible_; }

    // Moves what arrives, until a read in the ordinary way has to say how it goes on; nothing was read ahead of `turn`.
    // What the kernel holds in between when this is cut short is put back there. Gives the count of bytes.
    // Throws std::system_error of a write; std::bad_alloc. Cancel class: progress.
    task<std::uint64_t> move(const reading_turn& turn);

private:
    static constexpr unsigned large_pieces_first = 2;

    bool may_move();
    bool fill();
    task<std::uint64_t> drain(const reading_turn& turn);

    const stream_ref from_;
    const stream_ref to_;
    io::relay between_;
    std::string room_;  // for what is put back
    unsigned large_pieces_ = 0;  // one after the other
    bool possible_ = from_.get() != nullptr && to_.get() != nullptr;
    std::uint64_t moved_in_step_ = 0;
};

}  // namespace async::inline v0::detail
