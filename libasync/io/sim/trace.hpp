// What happened in a simulated run, as a hash: two runs of one seed are equal if their hashes are.
#pragma once

#include <cstdint>

#include <libasync/config.hpp>

namespace async::inline v0::io::sim {

enum class event_kind : std::uint8_t { start, finish, cancel, steps, call, arrival, fault, jump, user };

class trace {
public:
    void note(event_kind kind, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0) noexcept {
        mix(static_cast<std::uint64_t>(kind));
        mix(a);
        mix(b);
        mix(c);
        ++length_;
    }

    std::uint64_t hash() const noexcept { return hash_; }
    std::uint64_t length() const noexcept { return length_; }

private:
    void mix(std::uint64_t value) noexcept {
        hash_ = (hash_ ^ value) * 0x9FB21C651E98DF25U;
        hash_ ^= hash_ >> 29;
    }

    std::uint64_t hash_ = 0xCBF29CE484222325U;
    std::uint64_t length_ = 0;
};

}  // namespace async::inline v0::io::sim
