// What is asked about a name, and what is answered; and the call that asks the operating system.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

#include <libasync/io/endpoint.hpp>
#include <libasync/io/name_error.hpp>

namespace async::inline v0::io {

enum class name_families : std::uint8_t { any, ipv4, ipv6 };

struct name_query {
    std::string host;
    std::string service;  // a name, or empty: then the ports of the answer are 0
    name_families families = name_families::any;
    bool reverse = false;  // the name of `address` is asked for, and that of its port
    endpoint address = {};

    friend auto operator<=>(const name_query&, const name_query&) = default;
};

struct name_answer {
    std::error_code error;            // of resolve_category, or std::generic_category
    std::vector<endpoint> addresses;  // each once, in the order of the system (RFC 6724)
    std::string host;                 // of a reverse query; the numeric form where there is no name
    std::string service;
};

// Asks getaddrinfo(3) or getnameinfo(3), which may take as long as the servers of names do: half a minute, or more.
// Where memory is short the error says so.
name_answer look_up_natively(const name_query& query) noexcept;

}  // namespace async::inline v0::io
