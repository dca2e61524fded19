#include <libasync/coro/frame_allocator.hpp>

namespace async::inline v0::detail {

constinit thread_local frame_cache thread_frames;

namespace {

std::size_t rounded(std::size_t size) noexcept {
    return (size + frame_cache::granule - 1) / frame_cache::granule * frame_cache::granule;
}

// Empties the thread's lists when the thread ends; what is freed later goes straight to the heap.
struct cache_owner {
    cache_owner() noexcept {
        for (frame_cache::shelf& shelf : thread_frames.shelves) shelf.usable = true;
    }
    ~cache_owner() {
        for (frame_cache::shelf& shelf : thread_frames.shelves) {
            shelf.usable = false;
            while (frame_cache::block* block = shelf.first) {
                shelf.first = block->next;
                ::operator delete(block);
            }
            shelf.count = 0;
        }
    }
};

}  // namespace

void* allocate_frame_slowly(std::size_t size) {
#if !LIBASYNC_SANITIZED
    static thread_local cache_owner owner;
    static_cast<void>(&owner);
#endif
    return ::operator new(rounded(size));
}

void free_frame_slowly(void* frame, std::size_t) noexcept { ::operator delete(frame); }

}  // namespace async::inline v0::detail
