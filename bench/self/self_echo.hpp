// Self-echo: N blocking clients live in the server's own thread, and only the server's part of each round is
// timed. No traffic between cores, no wake-ups: what is left is the cost of the loop and of its system calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace self_echo {

// An echo server on the loopback address, driven by hand.
class server {
public:
    server() = default;
    server(const server&) = delete;
    server& operator=(const server&) = delete;
    virtual ~server() = default;

    virtual std::uint16_t port() const = 0;
    // Runs the loop until `echoed()` is at least `total` bytes. May wait: what is missing is on its way.
    virtual void serve_until(std::uint64_t total) = 0;
    virtual std::uint64_t echoed() const = 0;
};

struct echo_case {
    std::size_t connections;
    std::size_t size;  // bytes of one message
};

enum class role { limit, peer, ours };

struct rival {
    std::string name;
    role part;
    std::function<std::unique_ptr<server>(const echo_case&)> make;
};

using rivals = std::vector<rival>;

// Each is defined in a file of its own; the build leaves out those whose library is missing.
void add_bare(rivals& list);
void add_libuv(rivals& list);
void add_asio(rivals& list);
void add_libasync(rivals& list);

// Nanoseconds per message of one pass: the tenth percentile over its rounds.
struct pass_result {
    double server_ns;
    double whole_ns;  // with the clients' part
};

// Connects, warms up and measures. Throws std::runtime_error if an echo is wrong.
pass_result run_pass(server& subject, const echo_case& shape, std::size_t messages);

}  // namespace self_echo
