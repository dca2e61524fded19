// Random numbers that are the same everywhere: one stream per purpose, so that a draw more for one does not move the
// others. SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
#pragma once

#include <chrono>
#include <cstdint>

#include <libasync/config.hpp>

namespace async::inline v0::io::sim {

enum class purpose : std::uint8_t { order, delays, sizes, faults, swarm, outcomes, user };

class random_stream {
public:
    random_stream(std::uint64_t seed, purpose p) noexcept : state_(seed) {
        state_ = next() ^ (static_cast<std::uint64_t>(p) + 1) * 0xD1B54A32D192ED03U;
    }

    std::uint64_t next() noexcept {
        std::uint64_t z = state_ += 0x9E3779B97F4A7C15U;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31);
    }

    // From 0 to bound - 1; 0 if `bound` is 0.
    std::uint64_t below(std::uint64_t bound) noexcept { return bound == 0 ? 0 : next() % bound; }

    std::uint64_t between(std::uint64_t least, std::uint64_t most) noexcept { return least + below(most - least + 1); }

    std::chrono::nanoseconds between(std::chrono::nanoseconds least, std::chrono::nanoseconds most) noexcept {
        if (most <= least) return least;
        return least + std::chrono::nanoseconds(below(static_cast<std::uint64_t>((most - least).count()) + 1));
    }

    bool chance(std::uint32_t per_million) noexcept { return below(1'000'000) < per_million; }

private:
    std::uint64_t state_;
};

}  // namespace async::inline v0::io::sim
