// Where an engine may differ from the one that it is compared with, each with its reason. One that is listed but does
// not show is a failure too.
#pragma once

#include <vector>

#include <libasync/loop/options.hpp>

namespace parity {

struct divergence {
    const char* behaviour;
    async::engine_kind engine;
    const char* instead_of;  // a line of the first engine's trace
    const char* line;        // what this engine notes in its place; null: no line at all
    const char* reason;
};

inline const std::vector<divergence> divergences = {
    {"a write that waits is ended by the peer's close, and poisons the stream", async::engine_kind::asio,
     "write: generic:EPIPE", "write: generic:ECONNRESET",
     "io_uring drops the error of a send that has sent a part, and the next one finds EPIPE"},
    {"a write that waits is ended by the peer's abort", async::engine_kind::asio,  //
     "write: generic:EPIPE", "write: generic:ECONNRESET", "the same"},
    {"a write that waits is ended by the peer's close, and poisons the stream", async::engine_kind::sim,
     "write: generic:EPIPE", "write: generic:ECONNRESET",
     "the same: the simulated system is the kernel without io_uring"},
    {"a write that waits is ended by the peer's abort", async::engine_kind::sim,  //
     "write: generic:EPIPE", "write: generic:ECONNRESET", "the same"},
};

}  // namespace parity
