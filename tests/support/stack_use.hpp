// How much stack a piece of work uses at its deepest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#ifdef _WIN32
#include <thread>
#else
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <vector>
#endif

namespace async_tests {

#ifdef _WIN32

inline std::uintptr_t deepest_address = 0;

// Work calls it where it is likely to be deep.
inline void note_stack() {
    const volatile char here = 0;
    const auto address = reinterpret_cast<std::uintptr_t>(&here);
    if (address < deepest_address) deepest_address = address;
}

inline std::size_t stack_use_of(const std::function<void()>& work) {
    std::size_t used = 0;
    std::thread([&] {
        const volatile char top = 0;
        deepest_address = reinterpret_cast<std::uintptr_t>(&top);
        work();
        used = reinterpret_cast<std::uintptr_t>(&top) - deepest_address;
    }).join();
    return used;
}

#else

inline void note_stack() {}

// Runs the work on a thread whose stack is fresh memory, and looks which of its pages were touched.
inline std::size_t stack_use_of(const std::function<void()>& work) {
    constexpr std::size_t size = std::size_t{64} << 20;
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* const memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(memory != MAP_FAILED);
#ifdef MADV_NOHUGEPAGE
    ::madvise(memory, size, MADV_NOHUGEPAGE);
#endif

    struct job {
        const std::function<void()>* work;
        std::uintptr_t top;
    } todo{&work, 0};
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    REQUIRE(::pthread_attr_setstack(&attributes, memory, size) == 0);
    pthread_t thread{};
    const auto body = [](void* argument) -> void* {
        auto* j = static_cast<job*>(argument);
        // Not the address of a local: a sanitizer may keep those elsewhere.
        j->top = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
        (*j->work)();
        return nullptr;
    };
    REQUIRE(::pthread_create(&thread, &attributes, body, &todo) == 0);
    ::pthread_join(thread, nullptr);
    ::pthread_attr_destroy(&attributes);

#ifdef __linux__
    using residency = unsigned char;
#else
    using residency = char;
#endif
    std::vector<residency> resident(size / page);
    REQUIRE(::mincore(memory, size, resident.data()) == 0);
    std::size_t first = 0;
    while (first < resident.size() && (resident[first] & 1) == 0) ++first;
    const std::uintptr_t deepest = reinterpret_cast<std::uintptr_t>(memory) + first * page;
    ::munmap(memory, size);
    return todo.top > deepest ? todo.top - deepest : 0;
}

#endif

}  // namespace async_tests
