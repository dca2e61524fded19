#include <libasync/io/name_query.hpp>

#include <algorithm>
#include <cerrno>
#include <memory>

#include <libasync/io/native_socket.hpp>

#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
#else
#include <netdb.h>
#include <sys/socket.h>
#endif

namespace async::inline v0::io {

namespace {

// Some of the codes share a number on some systems, so this is no switch.
std::error_code error_of(int code, int system_error) noexcept {
    if (code == 0) return {};
    if (code == EAI_NONAME) return resolve_errc::not_found;
    if (code == EAI_AGAIN) return resolve_errc::try_again;
    if (code == EAI_FAIL) return resolve_errc::failed;
    if (code == EAI_SERVICE) return resolve_errc::unknown_service;
    if (code == EAI_FAMILY || code == EAI_SOCKTYPE) return resolve_errc::unsupported_family;
    if (code == EAI_MEMORY) return std::make_error_code(std::errc::not_enough_memory);
#ifdef EAI_NODATA
    if (code == EAI_NODATA) return resolve_errc::no_address;
#endif
#ifdef EAI_ADDRFAMILY
    if (code == EAI_ADDRFAMILY) return resolve_errc::no_address;
#endif
#ifdef EAI_SYSTEM
    if (code == EAI_SYSTEM && system_error != 0) return {system_error, std::generic_category()};
#endif
    static_cast<void>(system_error);
    return resolve_errc::other;
}

// Winsock stays loaded until the process ends.
void start_name_service() noexcept {
#ifdef _WIN32
    static const int started = [] {
        WSADATA data;
        return ::WSAStartup(MAKEWORD(2, 2), &data);
    }();
    static_cast<void>(started);
#endif
}

int native_family(name_families families) noexcept {
    switch (families) {
        case name_families::ipv4: return AF_INET;
        case name_families::ipv6: return AF_INET6;
        default: return AF_UNSPEC;
    }
}

void ask_for_addresses(const name_query& query, name_answer& answer) {
    addrinfo hints{};
    hints.ai_family = native_family(query.families);
    // A service may be known for one transport alone, so names are looked up for all; a host once is enough.
    hints.ai_socktype = query.service.empty() ? SOCK_STREAM : 0;
    addrinfo* found = nullptr;
    const int code =
        ::getaddrinfo(query.host.c_str(), query.service.empty() ? nullptr : query.service.c_str(), &hints, &found);
    answer.error = error_of(code, errno);
    if (code != 0) return;
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, [](addrinfo* a) { ::freeaddrinfo(a); });
    for (const addrinfo* a = found; a; a = a->ai_next) {
        if (a->ai_family != AF_INET && a->ai_family != AF_INET6) continue;
        const endpoint where = from_native(a->ai_addr);
        std::vector<endpoint>& all = answer.addresses;
        if (std::find(all.begin(), all.end(), where) == all.end()) all.push_back(where);
    }
    if (answer.addresses.empty()) answer.error = resolve_errc::no_address;
}

void ask_for_name(const name_query& query, name_answer& answer) {
    std::byte address[32];
    const std::size_t size = to_native(query.address, address);
    char host[1025];
    char service[32];
    const int code = ::getnameinfo(reinterpret_cast<const sockaddr*>(address), static_cast<socklen_t>(size), host,
                                   sizeof host, service, sizeof service, 0);
    answer.error = error_of(code, errno);
    if (code != 0) return;
    answer.host = host;
    answer.service = service;
}

}  // namespace

name_answer look_up_natively(const name_query& query) noexcept {
    name_answer answer;
    try {
        start_name_service();
        if (query.reverse) {
            ask_for_name(query, answer);
        } else {
            ask_for_addresses(query, answer);
        }
    } catch (...) {
        answer = {};
        answer.error = std::make_error_code(std::errc::not_enough_memory);
    }
    return answer;
}

}  // namespace async::inline v0::io
