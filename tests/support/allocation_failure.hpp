// What the tests of failing allocations share.
#pragma once

#include <stdexcept>
#include <string_view>

#include <doctest/doctest.h>

#include <libasync/async.hpp>
#include <libasync/testing/allocation_failure.hpp>

namespace async_tests {

using namespace async;
using namespace std::chrono_literals;
using async::testing::fail_every_allocation;

// A wrong result is an error of a kind that the harness does not accept.
inline void must_hold(bool holds, const char* what) {
    if (holds) return;
    const async::testing::no_failures meanwhile;
    throw std::logic_error(what);
}

// A recorder would keep memory.
struct silent_log {
    silent_log() {
        async::set_log_handler([](log_level, std::string_view) {});
    }
    silent_log(const silent_log&) = delete;
    silent_log& operator=(const silent_log&) = delete;
    ~silent_log() { async::set_log_handler({}); }
};

// Fails where the scenario has no allocation to fail, and so shows nothing.
template <class Scenario>
void survives(Scenario scenario) {
    const silent_log silence;
    async::testing::allocation_failure_report report;
    CHECK_NOTHROW(report = fail_every_allocation(scenario));
    CHECK(report.runs > 0);
    CHECK(report.failed_runs > 0);
}

// Whether it was memory that was lacking; there is enough of it from then on.
inline task<bool> runs_out(task<void> t) {
    try {
        co_await std::move(t);
    } catch (const std::bad_alloc&) {
        async::testing::fail_allocation::disarm_current();
        co_return true;
    } catch (const std::system_error& e) {
        if (e.code() != std::errc::not_enough_memory && e.code() != std::errc::no_buffer_space) throw;
        async::testing::fail_allocation::disarm_current();
        co_return true;
    }
    co_return false;
}

}  // namespace async_tests
