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

}  // namespace async_tests
