// That the harness finds what it is there to find.
#include <libasync/testing/allocation_failure.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <tests/support/scripted.hpp>

#ifndef _WIN32
#include <fcntl.h>
#include <unistd.h>
#endif

using namespace async_tests;
using namespace async::testing;

namespace {

task<void> allocate_twice() {
    const auto first = std::make_unique<std::string>(100, 'a');
    co_await yield();
}

// The message of the failure that is found; empty if none is.
template <class Scenario>
std::string failure_of(Scenario scenario, const allocation_failure_options& options = {}) {
    try {
        fail_every_allocation(scenario, options);
    } catch (const check_failure& e) {
        return e.what();
    }
    return {};
}

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

void use_memory() { ::operator delete(::operator new(1)); }

}  // namespace

TEST_CASE("a scenario is run once for each of its allocations, and for each with all later ones failing") {
    std::uint64_t allocated = 0;
    const auto report = fail_every_allocation([&allocated] {
        const std::uint64_t before = allocations();
        use_memory();
        use_memory();
        use_memory();
        allocated = allocations() - before;
    });
    CHECK(allocated == 3);
    CHECK(report.runs == 6);
    CHECK(report.failed_runs == 6);
}

TEST_CASE("a scenario that does without the memory is counted as one that did not fail") {
    const auto report = fail_every_allocation([] { ::operator delete(::operator new(1, std::nothrow)); });
    CHECK(report.runs == 2);
    CHECK(report.failed_runs == 0);
}

TEST_CASE("coroutine frames are allocations") {
    const auto report = fail_every_allocation(allocate_twice);
    CHECK(report.runs >= 2 * 3);
    CHECK(report.failed_runs >= 2 * 3);
}

TEST_CASE("an exception of another kind is found, with the number of the allocation") {
    const std::string found = failure_of([] {
        use_memory();
        try {
            use_memory();
        } catch (const std::bad_alloc&) {
            throw std::runtime_error("something else");
        }
    });
    CHECK(contains(found, "allocation 1 failing once"));
    CHECK(contains(found, "something else"));
    CHECK(contains(found, "allocation_failure_test.cpp"));
}

TEST_CASE("an exception of another kind is found where the loop reports it") {
    const std::string found = failure_of([](runner& r) {
        r.run([]() -> task<void> {
            auto detached = []() -> task<void> {
                bool failed = false;
                try {
                    use_memory();
                } catch (const std::bad_alloc&) {
                    failed = true;
                }
                co_await yield();
                if (failed) throw std::runtime_error("nobody reads this");
            };
            create_task(detached());
            co_await sleep(1ms);
        }());
    });
    CHECK(contains(found, "the exception handler was given nobody reads this"));
}

TEST_CASE("a leak of memory is found") {
    std::vector<void*> lost;
    lost.reserve(100);
    const std::string found = failure_of([&lost] {
        void* memory = ::operator new(1);
        try {
            use_memory();
        } catch (...) {
            lost.push_back(memory);
            throw;
        }
        ::operator delete(memory);
    });
    for (void* memory : lost) ::operator delete(memory);
    CHECK(contains(found, "allocation 1 failing once"));
    CHECK(contains(found, "leaked 1 allocations and 0 descriptors"));
}

#ifdef __linux__
TEST_CASE("a leak of descriptors is found") {
    std::vector<int> lost;
    lost.reserve(100);
    const std::string found = failure_of([&lost] {
        try {
            use_memory();
        } catch (...) {
            lost.push_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
            throw;
        }
    });
    for (const int descriptor : lost) ::close(descriptor);
    CHECK(contains(found, "leaked 0 allocations and 1 descriptors"));
}
#endif

TEST_CASE("a run that does not end is found") {
    // In virtual time a day is over at once.
    const allocation_failure_options options{.loop = {.engine = engine_kind::asio}, .patience = 200ms};
    const std::string found = failure_of(
        []() -> task<void> {
            bool failed = false;
            try {
                use_memory();
            } catch (const std::bad_alloc&) {
                failed = true;
            }
            if (failed) co_await sleep(24h);
        },
        options);
    CHECK(contains(found, "the run hangs"));
}

TEST_CASE("a scenario that allocates without end is found") {
    const allocation_failure_options options{.most = 20};
    const std::string found = failure_of(
        [] {
            for (int i = 0; i < 100; ++i) use_memory();
        },
        options);
    CHECK(contains(found, "goes on without end"));
}

TEST_CASE("a scenario that does not work any more afterwards is found") {
    bool damaged = false;
    const std::string found = failure_of([&damaged] {
        if (damaged) throw std::runtime_error("damaged for good");
        try {
            use_memory();
        } catch (...) {
            damaged = true;
            throw;
        }
    });
    CHECK(contains(found, "the same scenario failed afterwards: damaged for good"));
}
