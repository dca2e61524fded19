// The timers of a loop: a 4-ary heap of deadlines that point to nodes, which live inside their owners.
//
// Setting, moving and cancelling cost O(log n) at worst and touch few cache lines, since the heap holds the deadlines
// themselves and the four children of an entry share one line. A timer that is moved to a later time, as time-outs
// are with each message, keeps its place: the entry is put right when it comes to the top, so the move touches the
// node alone. Equal deadlines fire in the order they were set.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>

#include <libasync/detail/ready_node.hpp>

namespace async::inline v0 {

using time_point = std::chrono::steady_clock::time_point;

namespace detail {

struct timer_node : ready_node {
    static constexpr std::uint32_t not_queued = std::numeric_limits<std::uint32_t>::max();

    bool armed() const noexcept { return position != not_queued; }

    std::uint32_t position = not_queued;
    time_point when{};         // when it comes due
    time_point sorted_when{};  // what the heap believes: `when`, or earlier
    std::uint64_t order = 0;
    std::uint64_t sorted_order = 0;
};

class timer_queue {
public:
    timer_queue() = default;
    timer_queue(const timer_queue&) = delete;
    timer_queue& operator=(const timer_queue&) = delete;
    ~timer_queue();

    bool empty() const noexcept { return count_ == 0; }
    std::uint32_t size() const noexcept { return count_; }

    // The earliest deadline. There must be one.
    time_point next() noexcept {
        put_top_right();
        return slots_[first_slot].when;
    }

    // Arms `node`, or moves it if it is armed. Throws std::bad_alloc, and then leaves it as it was.
    void set(timer_node& node, time_point when);

    // Disarms `node` if it is armed.
    void cancel(timer_node& node) noexcept;

    // Disarms every timer whose deadline is not after `now` and appends it to `due`, earliest first.
    void collect_due(time_point now, ready_list& due) noexcept;

private:
    struct slot {
        time_point when;
        timer_node* node;
    };

    // The root stands in slot 3, so that the children of slot s are the aligned group of four from 4 * (s - 2).
    static constexpr std::uint32_t first_slot = 3;
    static constexpr std::uint32_t children_of(std::uint32_t s) noexcept { return 4 * (s - 2); }
    static constexpr std::uint32_t parent_of(std::uint32_t s) noexcept { return s / 4 + 2; }

    static bool before(const slot& a, const slot& b) noexcept {
        return a.when < b.when || (a.when == b.when && a.node->sorted_order < b.node->sorted_order);
    }

    void place(std::uint32_t s, const slot& entry) noexcept {
        slots_[s] = entry;
        entry.node->position = s;
    }

    void grow();
    void put_top_right() noexcept;
    void settle(std::uint32_t s, const slot& entry) noexcept;
    std::uint32_t sift_up(std::uint32_t s, const slot& entry) noexcept;
    void sift_down(std::uint32_t s, const slot& entry) noexcept;
    void remove(std::uint32_t s) noexcept;

    slot* slots_ = nullptr;
    std::uint32_t count_ = 0;
    std::uint32_t capacity_ = 0;  // in slots, those before the root included
    std::uint64_t next_order_ = 0;
};

}  // namespace detail

}  // namespace async::inline v0
