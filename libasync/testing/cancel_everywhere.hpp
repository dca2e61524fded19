// Cancels a part of a scenario at every point at which it suspends, one after the other, in every way in which a
// cancellation may come.
//
//   auto report = async::testing::cancel_everywhere([](async::testing::cancel_subject& subject) -> async::task<void> {
//       stream_pair pair = co_await connected_pair();                        // set up: never cancelled
//       auto ending = co_await subject.run(read_message(pair.server));       // the part under test
//       ...                                                                  // throws if something was lost or doubled
//   });
//
// Each run has a loop of its own. After it no task may be left, no timer set, nothing reported to the exception
// handler of the loop, and no descriptor open that was not open before.
#pragma once

#include <libasync/detail/unique_function.hpp>
#include <libasync/testing/cancel_options.hpp>
#include <libasync/testing/cancel_subject.hpp>

namespace async::inline v0::testing {

using cancel_scenario = unique_function<task<void>(cancel_subject&)>;

// For each delivery and k = 0, 1, 2, ... runs the scenario and cancels its part at its k-th suspension, until a run
// ends before suspension k. Throws cancel_failure for the first run that goes wrong: the scenario threw, left
// something behind, took longer than it may, or never ran its part.
cancel_report cancel_everywhere(cancel_scenario scenario, const cancel_options& options = {});

}  // namespace async::inline v0::testing
