// Who has borrowed a token, or waits for one: a set that allocates nothing once it has grown to its size.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <libasync/coro/control_block.hpp>

namespace async::inline v0::detail {

// A task, by its loop and its number, neither of which comes again; or any object, by its address.
struct borrower {
    borrower() = default;
    explicit borrower(const void* object) noexcept : number(reinterpret_cast<std::uintptr_t>(object)) {}
    explicit borrower(const task_context& task) noexcept : borrower(static_cast<const void*>(&task)) {
        if (!task.is_task) return;
        loop = task.loop->tasks->id;
        number = static_cast<const control_block&>(task).number;
    }

    friend bool operator==(const borrower&, const borrower&) = default;

    std::uint64_t loop = 0;  // 0: `number` is an address
    std::uint64_t number = 0;
};

// By open addressing: what stands at a place that is taken already stands further on.
class borrower_set {
public:
    struct entry {
        borrower who{};
        std::uint64_t acquisition = 0;  // 0: waits
        bool used = false;
    };

    std::size_t size() const noexcept { return size_; }

    // Null if it is not there. Valid until the set is changed.
    entry* find(const borrower& who) noexcept {
        if (size_ == 0) return nullptr;
        entry& e = place_of(who);
        return e.used ? &e : nullptr;
    }

    // It must not be there. Throws std::bad_alloc, and is as it was then.
    entry& add(const borrower& who) {
        if (2 * (size_ + 1) > places_.size()) grow();
        ++size_;
        return place_of(who) = {who, 0, true};
    }

    // It must be there. Those behind it close the gap.
    void remove(const borrower& who) noexcept {
        std::size_t gap = index_of(who);
        places_[gap].used = false;
        --size_;
        for (std::size_t i = after(gap); places_[i].used; i = after(i)) {
            const std::size_t home = home_of(places_[i].who);
            if (distance(home, i) < distance(gap, i)) continue;
            places_[gap] = places_[i];
            places_[i].used = false;
            gap = i;
        }
    }

private:
    std::size_t after(std::size_t i) const noexcept { return (i + 1) & (places_.size() - 1); }
    std::size_t distance(std::size_t from, std::size_t to) const noexcept { return (to - from) & (places_.size() - 1); }

    // Multiplied by the golden ratio, the high bits depend on all.
    std::size_t home_of(const borrower& who) const noexcept {
        const std::uint64_t mixed = (who.number ^ std::rotl(who.loop, 32)) * 0x9E3779B97F4A7C15u;
        return static_cast<std::size_t>(mixed >> 32) & (places_.size() - 1);
    }

    // Where it stands, or may be put.
    std::size_t index_of(const borrower& who) const noexcept {
        std::size_t i = home_of(who);
        while (places_[i].used && places_[i].who != who) i = after(i);
        return i;
    }
    entry& place_of(const borrower& who) noexcept { return places_[index_of(who)]; }

    void grow() {
        std::vector<entry> before(places_.empty() ? 8 : 2 * places_.size());
        before.swap(places_);
        for (const entry& e : before) {
            if (e.used) place_of(e.who) = e;
        }
    }

    std::vector<entry> places_;  // a power of two, at most half of them used
    std::size_t size_ = 0;
};

}  // namespace async::inline v0::detail
