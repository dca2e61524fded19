// From one stream to another.
//
//   const std::uint64_t count = co_await async::copy(client, server);
//   co_await server.shutdown_write();
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <libasync/coro/into_task.hpp>
#include <libasync/net/buffered_reads.hpp>
#include <libasync/net/byte_stream.hpp>
#include <libasync/net/stream_operations.hpp>

namespace async::inline v0 {

namespace detail {

// What is written to.
class copy_sink {
public:
    virtual task<void> write(const_bytes bytes) = 0;
    virtual std::uint64_t written() const = 0;
    // As readable::of_system.
    virtual stream_state* of_system() const noexcept = 0;

protected:
    ~copy_sink() = default;
};

template <byte_stream To>
class copy_sink_of final : public copy_sink {
public:
    explicit copy_sink_of(To& to) noexcept : to_(to) {}
    task<void> write(const_bytes bytes) override { return into_task(to_.write(bytes)); }
    std::uint64_t written() const override { return to_.written(); }
    stream_state* of_system() const noexcept override {
        if constexpr (requires(const To& to) { stream_access::writing_state(to); }) {
            return stream_access::writing_state(to_);
        } else {
            return nullptr;
        }
    }

private:
    To& to_;
};

// Reads from a stream that has no buffer.
template <byte_stream From>
class borrowed_stream final : public readable {
public:
    explicit borrowed_stream(From& from) noexcept : from_(from) {}
    task<chunk> fetch() override { return into_task(from_.read()); }
    bool is_open() const noexcept override { return from_.is_open(); }
    std::string describe(const char* operation) const override { return std::string(operation) + " a stream"; }

private:
    From& from_;
};

// Throws std::bad_alloc.
template <byte_stream From>
readable_ref source_of(From& from) {
    if constexpr (requires { reading_access::state_of(from); }) {
        return readable_ref(reading_access::state_of(from));
    } else {
        auto* made = new borrowed_stream<From>(from);
        const readable_ref counted(made);
        made->release();
        return counted;
    }
}

// Writes what `from` reads, up to its end: the number of bytes.
task<std::uint64_t> copy_to_sink(readable_ref from, copy_sink& to);

template <byte_stream To>
task<std::uint64_t> copy_between(readable_ref from, To& to) {
    copy_sink_of<To> sink(to);
    co_return co_await copy_to_sink(std::move(from), sink);
}

}  // namespace detail

// Reads `from` to its end and writes all of it to `to`: the number of bytes. Holds no more of them than one read gives.
// Other reads of `from` get errc::busy meanwhile. Does not end `to`, nor close either. Both must stay where they are.
// Throws what their reads and writes throw.
//
// Large transfers between tcp_stream, unix_stream and pipe, in any mix, do not pass through this process where the system
// can move them (splice(2), Linux): the kernel holds up to 512 KiB then, in a pipe of two descriptors that is open until
// copy ends. Without these, or where a kind of socket does not allow it, they are read and written. The program ignores
// SIGPIPE from then on, unless it has chosen otherwise (signal(7)).
//
// Cut short, by a cancellation or an error: `to.written()` tells how much went through. What was read and not written
// is in the buffer of `from` for its next read, also what the kernel held in between; of a stream that has no buffered
// reads it is lost, one read at most: give copy a buffered_reader of it. A cancelled write may have poisoned `to`.
// Cancel class: progress.
template <byte_stream From, byte_stream To>
task<std::uint64_t> copy(From& from, To& to) {
    return detail::copy_between(detail::source_of(from), to);
}

}  // namespace async::inline v0
