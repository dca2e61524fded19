// A queue in one block of memory that grows and does not shrink; room may be made beforehand, so that what follows
// cannot fail.
#pragma once

#include <bit>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace async::inline v0::detail {

template <class T>
class ring_buffer {
    static_assert(std::is_nothrow_move_constructible_v<T>, "what is handed over must not throw when it is moved");

public:
    ring_buffer() noexcept = default;
    ring_buffer(const ring_buffer&) = delete;
    ring_buffer& operator=(const ring_buffer&) = delete;
    ~ring_buffer() {
        clear();
        if (slots_) std::allocator<T>().deallocate(slots_, capacity_);
    }

    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }

    // Throws std::bad_alloc.
    void reserve(std::size_t count) {
        if (count > capacity_) grow(std::bit_ceil(count));
    }

    // There must be room.
    void push_back(T&& item) noexcept { std::construct_at(at(size_++), std::move(item)); }
    void push_front(T&& item) noexcept {
        first_ = (first_ - 1) & (capacity_ - 1);
        ++size_;
        std::construct_at(at(0), std::move(item));
    }

    T pop_front() noexcept {
        T* place = at(0);
        first_ = (first_ + 1) & (capacity_ - 1);
        --size_;
        return take(place);
    }
    T pop_back() noexcept { return take(at(--size_)); }

    void clear() noexcept {
        while (!empty()) static_cast<void>(pop_front());
    }

private:
    T* at(std::size_t index) noexcept { return slots_ + ((first_ + index) & (capacity_ - 1)); }

    static T take(T* place) noexcept {
        T item(std::move(*place));
        std::destroy_at(place);
        return item;
    }

    void grow(std::size_t capacity) {
        T* slots = std::allocator<T>().allocate(capacity);
        for (std::size_t i = 0; i < size_; ++i) std::construct_at(slots + i, take(at(i)));
        if (slots_) std::allocator<T>().deallocate(slots_, capacity_);
        slots_ = slots;
        capacity_ = capacity;
        first_ = 0;
    }

    T* slots_ = nullptr;
    std::size_t capacity_ = 0;  // a power of two
    std::size_t first_ = 0;
    std::size_t size_ = 0;
};

}  // namespace async::inline v0::detail
