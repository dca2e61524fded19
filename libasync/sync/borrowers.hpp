// Who has borrowed a token, or waits for one: a set that allocates nothing once it has grown to its size.
#pragma once

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
    entry* find(const borrower& who) noexcept;

    // It must not be there. Throws std::bad_alloc, and is as it was then.
    entry& add(const borrower& who);

    // It must be there. Those behind it close the gap.
    void remove(const borrower& who) noexcept;

private:
    std::size_t after(std::size_t i) const noexcept { return (i + 1) & (places_.size() - 1); }
    std::size_t distance(std::size_t from, std::size_t to) const noexcept { return (to - from) & (places_.size() - 1); }
    std::size_t home_of(const borrower& who) const noexcept;
    std::size_t index_of(const borrower& who) const noexcept;
    entry& place_of(const borrower& who) noexcept { return places_[index_of(who)]; }
    void grow();

    std::vector<entry> places_;  // a power of two, at most half of them used
    std::size_t size_ = 0;
};

}  // namespace async::inline v0::detail
