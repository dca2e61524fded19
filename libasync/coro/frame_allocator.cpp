#include <libasync/coro/frame_allocator.hpp>

namespace async::inline v0::detail {

constinit thread_local frame_cache thread_frames;

namespace {

std::size_t rounded(std::size_t size) noexcept {
    return (size + frame_cache::granule - 1) / frame_cache::granule * frame_cache::granule;
}

void keep_frames() noexcept {
    for (frame_cache::shelf& shelf : thread_frames.shelves) shelf.usable = true;
}

// What is freed from here on goes straight to the heap.
void drop_frames() noexcept {
    for (frame_cache::shelf& shelf : thread_frames.shelves) {
        shelf.usable = false;
        while (frame_cache::block* block = shelf.first) {
            shelf.first = block->next;
            ::operator delete(block);
        }
        shelf.count = 0;
    }
}

// Frames are kept from a thread's first allocation to its end.
struct cache_owner {
    cache_owner() noexcept { keep_frames(); }
    ~cache_owner() { drop_frames(); }
};

void own_frames() noexcept {
#if !LIBASYNC_SANITIZED
    static thread_local cache_owner owner;
    static_cast<void>(&owner);
#endif
}

}  // namespace

void* allocate_frame_slowly(std::size_t size) {
    own_frames();
    return ::operator new(rounded(size));
}

void free_frame_slowly(void* frame, std::size_t) noexcept { ::operator delete(frame); }

frames_from_heap::frames_from_heap() {
    own_frames();
    drop_frames();
}

frames_from_heap::~frames_from_heap() {
    if constexpr (!LIBASYNC_SANITIZED) keep_frames();
}

}  // namespace async::inline v0::detail
