// Memory for coroutine frames and control blocks: per-thread free lists of blocks by size, each block a heap
// allocation of its own, so that it may be freed on any thread. The lists are bounded; under sanitizers they are
// off, so that each frame is an allocation that the sanitizer sees.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include <libasync/config.hpp>

namespace async::inline v0::detail {

struct frame_cache {
    static constexpr std::size_t granule = 32;
    static constexpr std::size_t classes = 64;       // blocks of up to 2 KiB are kept
    static constexpr std::uint32_t max_kept = 1024;  // blocks in each class

    struct block {
        block* next;
    };
    struct shelf {
        block* first = nullptr;
        std::uint32_t count = 0;
        bool usable = false;  // set by the first allocation of the thread, cleared when the thread ends
    };
    shelf shelves[classes];
};

extern constinit thread_local frame_cache thread_frames;

void* allocate_frame_slowly(std::size_t size);
void free_frame_slowly(void* frame, std::size_t size) noexcept;

inline void* allocate_frame(std::size_t size) {
#if !LIBASYNC_SANITIZED
    const std::size_t index = (size - 1) / frame_cache::granule;
    if (index < frame_cache::classes) [[likely]] {
        frame_cache::shelf& shelf = thread_frames.shelves[index];
        if (frame_cache::block* block = shelf.first) [[likely]] {
            shelf.first = block->next;
            --shelf.count;
            return block;
        }
    }
#endif
    return allocate_frame_slowly(size);
}

inline void free_frame(void* frame, std::size_t size) noexcept {
#if !LIBASYNC_SANITIZED
    const std::size_t index = (size - 1) / frame_cache::granule;
    if (index < frame_cache::classes) [[likely]] {
        frame_cache::shelf& shelf = thread_frames.shelves[index];
        if (shelf.usable && shelf.count < frame_cache::max_kept) [[likely]] {
            shelf.first = ::new (frame) frame_cache::block{shelf.first};
            ++shelf.count;
            return;
        }
    }
#endif
    free_frame_slowly(frame, size);
}

// While it lives, every frame of this thread is a heap allocation, and none is kept. For tests of what happens when
// memory runs out.
class frames_from_heap {
public:
    frames_from_heap();
    frames_from_heap(const frames_from_heap&) = delete;
    frames_from_heap& operator=(const frames_from_heap&) = delete;
    ~frames_from_heap();
};

}  // namespace async::inline v0::detail
