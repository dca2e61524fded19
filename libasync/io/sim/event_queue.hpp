// What is going to happen in the simulated world, in the order of its time.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <utility>

#include <libasync/detail/unique_function.hpp>

namespace async::inline v0::io::sim {

using time_point = std::chrono::steady_clock::time_point;

class event_queue {
public:
    // Names an event for `forget`. Events of one time happen in the order of `tie`, then of their making.
    struct key {
        time_point when{};
        std::uint64_t tie = 0;
        std::uint64_t number = 0;
        friend auto operator<=>(const key&, const key&) = default;
    };

    key add(time_point when, std::uint64_t tie, unique_function<void()> action) {
        const key k{when, tie, ++made_};
        events_.emplace(k, std::move(action));
        return k;
    }

    // False if it has happened, or was forgotten.
    bool forget(const key& k) noexcept { return events_.erase(k) != 0; }

    bool empty() const noexcept { return events_.empty(); }
    std::size_t size() const noexcept { return events_.size(); }
    time_point next() const noexcept { return events_.empty() ? time_point::max() : events_.begin()->first.when; }

    // There must be one.
    unique_function<void()> take_first() noexcept {
        unique_function<void()> action = std::move(events_.begin()->second);
        events_.erase(events_.begin());
        return action;
    }

    void clear() noexcept { events_.clear(); }

private:
    std::map<key, unique_function<void()>> events_;
    std::uint64_t made_ = 0;
};

}  // namespace async::inline v0::io::sim
