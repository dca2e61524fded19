#include <libasync/testing/allocations.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <new>
#include <thread>

using namespace async::testing;

namespace {

struct alignas(256) wide {
    std::byte bytes[256];
};

// Calls of the operators themselves: those of an expression may be left out by the compiler.
bool throws_bad_alloc() {
    try {
        ::operator delete(::operator new(1));
    } catch (const std::bad_alloc&) {
        return true;
    }
    return false;
}

}  // namespace

TEST_CASE("every form of operator new is counted, for its thread") {
    const std::uint64_t before = allocations();
    constexpr std::align_val_t wide_alignment{256};
    ::operator delete(::operator new(1));
    ::operator delete[](::operator new[](1));
    ::operator delete(::operator new(0, std::nothrow), std::nothrow);
    ::operator delete[](::operator new[](1, std::nothrow), std::nothrow);
    ::operator delete(::operator new(256, wide_alignment), wide_alignment);
    ::operator delete[](::operator new[](256, wide_alignment), wide_alignment);
    ::operator delete(::operator new(256, wide_alignment, std::nothrow), wide_alignment, std::nothrow);
    ::operator delete[](::operator new[](256, wide_alignment, std::nothrow), wide_alignment, std::nothrow);
    CHECK(allocations() == before + 8);
    std::thread([] { ::operator delete(::operator new(1)); }).join();
    CHECK(allocations() - before < 10);  // the thread's own state, and not what it did
}

TEST_CASE("memory has the alignment that was asked for") {
    const auto one = std::make_unique<wide>();
    const auto many = std::make_unique<wide[]>(3);
    CHECK(reinterpret_cast<std::uintptr_t>(one.get()) % 256 == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(many.get()) % 256 == 0);
}

TEST_CASE("what lives is counted, whichever thread gives it back") {
    const std::int64_t before = live_allocations();
    void* memory = ::operator new(1);
    CHECK(live_allocations() == before + 1);
    std::thread([memory] { ::operator delete(memory); }).join();
    CHECK(live_allocations() == before);
    ::operator delete(nullptr);
    CHECK(live_allocations() == before);
}

TEST_CASE("one allocation fails, or that one and all after it") {
    {
        fail_allocation second(1);
        CHECK_FALSE(throws_bad_alloc());
        CHECK_FALSE(second.fired());
        CHECK(throws_bad_alloc());
        CHECK(second.fired());
        CHECK_FALSE(throws_bad_alloc());
    }
    {
        fail_allocation all(1, how::from_here_on);
        const bool first = throws_bad_alloc();
        const bool later = throws_bad_alloc() && throws_bad_alloc() && ::operator new(1, std::nothrow) == nullptr;
        all.disarm();
        CHECK_FALSE(first);
        CHECK(later);
        CHECK_FALSE(throws_bad_alloc());
    }
    CHECK_FALSE(throws_bad_alloc());
}

TEST_CASE("failures belong to their thread, and rest where a test works for itself") {
    fail_allocation all(0, how::from_here_on);
    bool other = true;
    bool resting = true;
    {
        const no_failures meanwhile;
        std::thread([&other] { other = throws_bad_alloc(); }).join();
        resting = throws_bad_alloc();
    }
    const bool fired_before = all.fired();
    const bool again = throws_bad_alloc();
    all.disarm();
    CHECK_FALSE(other);
    CHECK_FALSE(resting);
    CHECK_FALSE(fired_before);
    CHECK(again);
}
