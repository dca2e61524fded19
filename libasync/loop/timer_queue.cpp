#include <libasync/loop/timer_queue.hpp>

#include <algorithm>
#include <cstring>
#include <new>

namespace async::inline v0::detail {

namespace {

constexpr std::align_val_t cache_line{64};

}  // namespace

timer_queue::~timer_queue() { ::operator delete(slots_, cache_line); }

void timer_queue::grow() {
    const std::uint32_t capacity = std::max(64u, 2 * capacity_);
    auto* slots = static_cast<slot*>(::operator new(capacity * sizeof(slot), cache_line));
    if (slots_) std::copy_n(slots_ + first_slot, count_, slots + first_slot);
    ::operator delete(slots_, cache_line);
    slots_ = slots;
    capacity_ = capacity;
}

void timer_queue::set(timer_node& node, time_point when) {
    const bool armed = node.armed();
    if (!armed) {
        if (first_slot + count_ >= capacity_) grow();
        node.position = first_slot + count_++;
    }
    node.when = when;
    node.order = next_order_++;
    if (armed && when >= node.sorted_when) return;
    node.sorted_when = when;
    node.sorted_order = node.order;
    const slot entry{when, &node};
    place(sift_up(node.position, entry), entry);
}

// Sorts in what was moved to a later time, until the top is what comes due first.
void timer_queue::put_top_right() noexcept {
    for (;;) {
        timer_node& top = *slots_[first_slot].node;
        if (top.order == top.sorted_order) return;
        top.sorted_when = top.when;
        top.sorted_order = top.order;
        sift_down(first_slot, slot{top.when, &top});
    }
}

void timer_queue::cancel(timer_node& node) noexcept {
    if (node.armed()) remove(node.position);
}

void timer_queue::collect_due(time_point now, ready_list& due) noexcept {
    while (count_ != 0 && next() <= now) {
        timer_node* node = slots_[first_slot].node;
        remove(first_slot);
        due.push_back(*node);
    }
}

void timer_queue::remove(std::uint32_t s) noexcept {
    slots_[s].node->position = timer_node::not_queued;
    const slot last = slots_[first_slot + --count_];
    if (s != first_slot + count_) settle(s, last);
}

void timer_queue::settle(std::uint32_t s, const slot& entry) noexcept {
    const std::uint32_t higher = sift_up(s, entry);
    if (higher == s) {
        sift_down(s, entry);
    } else {
        place(higher, entry);
    }
}

std::uint32_t timer_queue::sift_up(std::uint32_t s, const slot& entry) noexcept {
    while (s != first_slot) {
        const std::uint32_t parent = parent_of(s);
        if (!before(entry, slots_[parent])) break;
        place(s, slots_[parent]);
        s = parent;
    }
    return s;
}

void timer_queue::sift_down(std::uint32_t s, const slot& entry) noexcept {
    const std::uint32_t end = first_slot + count_;
    for (;;) {
        const std::uint32_t first = children_of(s);
        if (first >= end) break;
        const std::uint32_t stop = std::min(first + 4, end);
        std::uint32_t least = first;
        for (std::uint32_t child = first + 1; child < stop; ++child) {
            if (before(slots_[child], slots_[least])) least = child;
        }
        if (!before(slots_[least], entry)) break;
        place(s, slots_[least]);
        s = least;
    }
    place(s, entry);
}

}  // namespace async::inline v0::detail
