// Memory for one Asio handler: a wait that is armed again and again does not go to the heap.
#pragma once

#include <cstddef>
#include <memory>

namespace async::inline v0::io {

class handler_slot {
public:
    handler_slot() = default;
    handler_slot(const handler_slot&) = delete;
    handler_slot& operator=(const handler_slot&) = delete;

    void* allocate(std::size_t size) {
        void* memory = users_ != 0 || size > sizeof memory_ ? ::operator new(size) : memory_;
        ++users_;
        return memory;
    }

    void deallocate(void* memory) noexcept {
        --users_;
        if (memory != memory_) ::operator delete(memory);
    }

    // Asio gives the memory back before it calls the handler.
    bool unused() const noexcept { return users_ == 0; }

private:
    alignas(std::max_align_t) std::byte memory_[256];
    unsigned users_ = 0;
};

// What Asio asks a handler for.
template <class T>
class slot_allocator {
public:
    using value_type = T;

    explicit slot_allocator(handler_slot& slot) noexcept : slot_(&slot) {}
    template <class U>
    slot_allocator(const slot_allocator<U>& other) noexcept : slot_(other.slot_) {}

    T* allocate(std::size_t count) {
        static_assert(alignof(T) <= alignof(std::max_align_t));
        return static_cast<T*>(slot_->allocate(count * sizeof(T)));
    }
    void deallocate(T* memory, std::size_t) noexcept { slot_->deallocate(memory); }

    friend bool operator==(const slot_allocator&, const slot_allocator&) = default;

private:
    template <class>
    friend class slot_allocator;
    handler_slot* slot_;
};

}  // namespace async::inline v0::io
