#include <libasync/coro/frame_allocator.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

using async::detail::allocate_frame;
using async::detail::frame_cache;
using async::detail::free_frame;

TEST_CASE("memory of every size can be used to its end, and is aligned for any type") {
    std::vector<std::pair<void*, std::size_t>> frames;
    for (std::size_t size = 1; size < 5000; size += 61) {
        void* frame = allocate_frame(size);
        CHECK(reinterpret_cast<std::uintptr_t>(frame) % alignof(std::max_align_t) == 0);
        std::memset(frame, static_cast<int>(size), size);
        frames.emplace_back(frame, size);
    }
    for (auto [frame, size] : frames) {
        CHECK(static_cast<unsigned char*>(frame)[size - 1] == static_cast<unsigned char>(size));
        free_frame(frame, size);
    }
}

TEST_CASE("frames may be freed on a thread that never allocated one, and outlive the thread that did") {
    std::vector<void*> frames;
    std::thread([&] {
        for (int i = 0; i < 100; ++i) frames.push_back(allocate_frame(200));
        free_frame(frames.back(), 200);
        frames.pop_back();
    }).join();
    std::thread([&] {
        for (int i = 0; i < 50; ++i) {
            free_frame(frames.back(), 200);
            frames.pop_back();
        }
    }).join();
    for (void* frame : frames) free_frame(frame, 200);
    CHECK(frames.size() == 49);
}

#if !LIBASYNC_SANITIZED

TEST_CASE("a freed frame is used again for the next one of its size class") {
    void* first = allocate_frame(300);
    free_frame(first, 300);
    void* second = allocate_frame(frame_cache::granule * (299 / frame_cache::granule) + 1);
    CHECK(second == first);
    free_frame(second, 300);
}

TEST_CASE("the lists of free frames are bounded") {
    std::thread([] {
        constexpr std::size_t size = 100;
        const frame_cache::shelf& shelf = async::detail::thread_frames.shelves[(size - 1) / frame_cache::granule];
        std::vector<void*> frames;
        for (std::uint32_t i = 0; i < frame_cache::max_kept + 100; ++i) frames.push_back(allocate_frame(size));
        CHECK(shelf.count == 0);
        for (void* frame : frames) free_frame(frame, size);
        CHECK(shelf.count == frame_cache::max_kept);
    }).join();
}

TEST_CASE("frames of more than 2 KiB are not kept") {
    constexpr std::size_t size = frame_cache::granule * frame_cache::classes + 1;
    std::uint32_t before = 0;
    for (const auto& shelf : async::detail::thread_frames.shelves) before += shelf.count;
    free_frame(allocate_frame(size), size);
    std::uint32_t after = 0;
    for (const auto& shelf : async::detail::thread_frames.shelves) after += shelf.count;
    CHECK(after == before);
}

TEST_CASE("frames can be taken from the heap for a while, and none is kept then") {
    constexpr std::size_t size = 300;
    const frame_cache::shelf& shelf = async::detail::thread_frames.shelves[(size - 1) / frame_cache::granule];
    free_frame(allocate_frame(size), size);
    CHECK(shelf.count > 0);
    {
        const async::detail::frames_from_heap all;
        CHECK(shelf.count == 0);
        free_frame(allocate_frame(size), size);
        CHECK(shelf.count == 0);
    }
    free_frame(allocate_frame(size), size);
    CHECK(shelf.count == 1);
}

#endif
