// What the tests of cancellation share.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include <libasync/testing/cancel_everywhere.hpp>

#include <tests/support/network.hpp>

namespace async_tests {

using async::testing::cancel_delivery;
using async::testing::cancel_everywhere;
using async::testing::cancel_options;
using async::testing::cancel_report;
using async::testing::cancel_scenario;
using async::testing::cancel_subject;
using async::testing::delivery_set;

inline void must(bool condition, const std::string& what) {
    if (!condition) throw std::runtime_error(what);
}

// For parts whose outcome is not lost with them.
inline constexpr cancel_options with_all_deliveries{.deliveries = delivery_set::all()};

// For parts that wait for their children: those must not lose their parent.
inline constexpr delivery_set all_but_destruction = delivery_set::all().without_destruction();

// Tells what was skipped, and why, and requires that all else had an effect.
inline void check_outcomes(const cancel_report& report) {
    for (std::size_t i = 0; i < async::testing::cancel_deliveries; ++i) {
        const auto d = static_cast<cancel_delivery>(i);
        CAPTURE(std::string(to_string(d)));
        const auto& counts = report.of(d);
        if (!report.skipped(d).empty()) {
            MESSAGE("skipped " << std::string(to_string(d)) << ": " << report.skipped(d));
            continue;
        }
        CHECK(counts.runs != 0);
        if (destroys(d)) CHECK(counts.destroyed + counts.not_applicable == counts.runs);
    }
    if (report.skipped(cancel_delivery::at_once).empty()) CHECK(report.total().runs > report.total().not_applicable);
}

// The same, for a part that can be cancelled while it waits.
inline void check_cancelled(const cancel_report& report) {
    check_outcomes(report);
    for (const auto d : {cancel_delivery::at_once, cancel_delivery::next_turn, cancel_delivery::twice,
                         cancel_delivery::from_sibling}) {
        CAPTURE(std::string(to_string(d)));
        if (report.skipped(d).empty()) CHECK(report.of(d).cancelled != 0);
    }
}

// The failure of a part is not one of the endings that a scenario expects.
template <class Ending>
void must_not_fail(const Ending& ending) {
    if (ending.failure()) std::rethrow_exception(ending.failure());
}

}  // namespace async_tests
