// The names of a simulated world, as async::resolve finds them there.
//
//   async::sim::set_name("db.example", "10.0.0.2", "fd00::2");
//   async::tcp_stream stream = co_await async::connect("db.example", 5432);
//
// "localhost" is known, and the usual services. All of these throw std::logic_error outside a simulated loop, and
// std::invalid_argument, with the text, for an address that is none.
#pragma once

#include <array>
#include <concepts>
#include <span>
#include <string_view>

#include <libasync/sim/simulation.hpp>

namespace async::inline v0::sim {

// The name has these addresses from now on, told in this order. Who has asked lately may remember others.
void set_name(std::string_view name, std::span<const std::string_view> addresses);

template <std::convertible_to<std::string_view>... Addresses>
void set_name(std::string_view name, const Addresses&... addresses) {
    const std::array<std::string_view, sizeof...(Addresses)> all{std::string_view(addresses)...};
    set_name(name, std::span<const std::string_view>(all));
}

// There is no such name any more.
void remove_name(std::string_view name);

// How long an answer takes: between the two. 100 us to 20 ms unless it is set.
void set_name_latency(std::chrono::nanoseconds least, std::chrono::nanoseconds most);

}  // namespace async::inline v0::sim
