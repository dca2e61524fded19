// Faults for tests: what a system may do at any time and seldom does, done often. They are read once per process
// from LIBASYNC_FAULTS, as in "read_max=4,write_blocks=30,seed=5", and compiled into the test program alone: elsewhere
// every question below is answered at compile time, and nobody looks at the environment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <libasync/io/native_socket.hpp>

namespace async::inline v0::io {

struct operation;

namespace faults {

// By these names they stand in LIBASYNC_FAULTS; 0 switches one off.
struct knobs {
    using value = std::uint32_t;

    // The most bytes at a time; each time from 1 to so many, drawn. One time in 16 there is no limit, so that large
    // transfers come to an end.
    value read_max = 0;   // that a receive takes, or a provided buffer holds
    value write_max = 0;  // that a send takes
    value file_read_max = 0;
    value file_write_max = 0;

    // How often, in percent, up to 90.
    value read_blocks = 0;    // a receive finds nothing, whatever is there
    value write_blocks = 0;   // a send finds no room
    value short_reads = 0;    // a receive stops after a byte, as at a mark of urgent data
    value accept_errors = 0;  // accepting fails with EMFILE, and takes no connection
    value open_errors = 0;    // opening a file fails with EMFILE
    value stops = 0;          // io_uring: a request that stays in the kernel is stopped after a completion
    value interrupts = 0;     // io_uring: the system call ends at once, as by a signal

    // io_uring
    value submit_max = 0;       // the most requests that the kernel takes at once, drawn as above
    value ring_entries = 0;     // places for submissions; for completions twice as many
    value receive_buffers = 0;  // in the first group of provided buffers

    value seed = 1;
};

// Throws std::invalid_argument, which names the text, for a name or a number it does not know.
knobs parse(std::string_view text);

#ifdef LIBASYNC_FAULT_KNOBS

// Those of this process. Throws as `parse` does, until they are read.
const knobs& active();

// Replaces them, and starts the draws anew. No engine may be in use.
void use(const knobs& replacement) noexcept;

// From 1 to as many of `size` as the knob allows; mostly. `size` where it is off.
std::size_t cut(std::size_t size, knobs::value knobs::* most) noexcept;

bool limits(knobs::value knobs::* most) noexcept;

bool happens(knobs::value knobs::* percent) noexcept;

// `io::send_now`, of a part of the first buffer where sends are limited.
transfer_result send_now(socket_role role, native_handle handle, const const_bytes* buffers,
                         std::size_t count) noexcept;

knobs::value replaced(knobs::value normal, knobs::value knobs::* by) noexcept;

// An operation on a file is about to start: a transfer may be cut, and true says that an open has failed.
bool strikes(operation& op) noexcept;

#else

inline void active() noexcept {}
inline constexpr std::size_t cut(std::size_t size, knobs::value knobs::*) noexcept { return size; }
inline constexpr bool limits(knobs::value knobs::*) noexcept { return false; }
inline constexpr bool happens(knobs::value knobs::*) noexcept { return false; }
inline transfer_result send_now(socket_role role, native_handle handle, const const_bytes* buffers,
                                std::size_t count) noexcept {
    return io::send_now(role, handle, buffers, count);
}
inline constexpr knobs::value replaced(knobs::value normal, knobs::value knobs::*) noexcept { return normal; }
inline constexpr bool strikes(operation&) noexcept { return false; }

#endif

}  // namespace faults

}  // namespace async::inline v0::io
