// Which sockets of one kind have which ports of which machines.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include <libasync/config.hpp>

namespace async::inline v0::io::sim {

template <class Socket>
class port_map {
public:
    using sockets = std::vector<Socket*>;

    void add(Socket& s, std::uint32_t host, std::uint16_t port) { ports_[{host, port}].push_back(&s); }

    void remove(Socket& s, std::uint32_t host, std::uint16_t port) noexcept {
        const auto found = ports_.find({host, port});
        if (found == ports_.end()) return;
        std::erase(found->second, &s);
        if (found->second.empty()) ports_.erase(found);
    }

    const sockets& at(std::uint32_t host, std::uint16_t port) const noexcept {
        static const sockets nobody;
        const auto found = ports_.find({host, port});
        return found == ports_.end() ? nobody : found->second;
    }

    // One that nobody has, of those that are given to who names none (net.ipv4.ip_local_port_range); 0 if all are taken.
    std::uint16_t free_port(std::uint32_t host) noexcept {
        for (int tried = 0; tried <= last - first; ++tried) {
            const std::uint16_t port = next_;
            next_ = port == last ? first : static_cast<std::uint16_t>(port + 1);
            if (at(host, port).empty()) return port;
        }
        return 0;
    }

private:
    static constexpr std::uint16_t first = 32768;
    static constexpr std::uint16_t last = 60999;

    std::map<std::pair<std::uint32_t, std::uint16_t>, sockets> ports_;
    std::uint16_t next_ = first;
};

}  // namespace async::inline v0::io::sim
