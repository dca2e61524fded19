// What net_load measures, and how it prints it: JSON lines as of echo_load.
#pragma once

#include "clocks.hpp"
#include "options.hpp"

#include <cstdint>

namespace load {

// Time and processor time of the server over what is measured.
class window {
public:
    explicit window(const options& wanted) : kind_(wanted.kind), server_(wanted.server) { open(); }

    // Begins anew: what came before was warming up.
    void open() {
        cpu_ = server_.time();
        from_ = now();
    }
    nanoseconds from() const { return from_; }

    // Prints how many `units` (messages, bytes, connections) it were up to now, and what else was seen.
    void print(double units, const char* extra = "") const;

private:
    const char* kind_;
    server_clock server_;
    nanoseconds cpu_ = 0, from_ = 0;
};

// Each throws std::system_error or std::runtime_error.
void bulk_send(const options& wanted);
void bulk_receive(const options& wanted);
void accepts(const options& wanted);
void datagram_echo(const options& wanted);
void datagram_flood(const options& wanted);
void fetch_file(const options& wanted);
void check_file(const options& wanted);

}  // namespace load
