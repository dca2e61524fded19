// The names of a simulated world and their addresses, and how long it takes to learn them.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <libasync/detail/unique_function.hpp>
#include <libasync/io/endpoint.hpp>
#include <libasync/io/sim/event_queue.hpp>

namespace async::inline v0::io::sim {

class world;

enum class lookup_error : std::uint8_t {
    none,
    not_found,  // there is no such name (EAI_NONAME)
    try_again,  // the server does not answer (EAI_AGAIN)
};

class name_service {
public:
    using answer = unique_function<void(const std::vector<endpoint>&, lookup_error)>;
    using name_answer = unique_function<void(const std::string&, lookup_error)>;

    explicit name_service(world& w) noexcept : world_(w) {}

    // In the order in which they are told; their ports do not matter. Replaces what was known.
    void set(std::string_view name, std::vector<endpoint> addresses);
    void remove(std::string_view name) noexcept;
    void set_latency(std::chrono::nanoseconds least, std::chrono::nanoseconds most) noexcept {
        least_ = least;
        most_ = most;
    }

    // Gives the addresses of `name`, with `port`, when the answer has come; "localhost" is known. The key is for
    // world::forget.
    event_queue::key look_up(std::string_view name, std::uint16_t port, answer tell);

    // Gives a name with that address; empty, and not_found, if there is none.
    event_queue::key look_up_name(const endpoint& address, name_answer tell);

private:
    std::pair<std::chrono::nanoseconds, lookup_error> draw() noexcept;
    std::string name_of(const endpoint& address) const;

    world& world_;
    std::map<std::string, std::vector<endpoint>, std::less<>> names_;
    std::chrono::nanoseconds least_ = std::chrono::microseconds(100);
    std::chrono::nanoseconds most_ = std::chrono::milliseconds(20);
};

}  // namespace async::inline v0::io::sim
