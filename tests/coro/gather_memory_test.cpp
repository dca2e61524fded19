// How much memory a gather of many short tasks takes at its peak: their frames, and hardly more.
#include <libasync/config.hpp>

#if defined(__linux__) && !LIBASYNC_SANITIZED
#include <malloc.h>
#endif

// Without optimisation frames hold all temporaries, each in a place of its own.
#if defined(__GLIBC__) && defined(__OPTIMIZE__) && !LIBASYNC_SANITIZED

#include <doctest/doctest.h>

#include <vector>

#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

std::size_t bytes_in_use() {
    const auto info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
}

task<int> first(std::size_t& in_use) {
    in_use = bytes_in_use();  // nobody else has begun
    co_return 1;
}

task<int> other() { co_return 1; }

}  // namespace

TEST_CASE("a gather of 100,000 short tasks takes at most 400 bytes for each") {
    on_every_engine([]() -> task<void> {
        if (this_loop().core().hook != nullptr) {
            MESSAGE("not on this engine: it draws the order of the children, so all stand in the queue at once");
            co_return;
        }
        constexpr std::size_t count = 100'000;
        const std::size_t before = bytes_in_use();
        std::size_t at_peak = 0;
        std::vector<task<int>> tasks;
        tasks.reserve(count);
        tasks.push_back(first(at_peak));
        while (tasks.size() < count) tasks.push_back(other());
        const std::vector<int> results = co_await gather(std::move(tasks));
        CHECK(results.size() == count);
        REQUIRE(at_peak > before);
        const std::size_t each = (at_peak - before) / count;
        CHECK(each <= 400);
        MESSAGE(each << " bytes for each task");
    });
}

#else

#include <doctest/doctest.h>

TEST_CASE("the memory that a gather takes is not measured in this build") {
    MESSAGE("skipped: needs glibc, optimised frames and no sanitizer");
}

#endif
