// The cancel classes of what tests and simulated worlds are made with, derived.
#include <libasync/io/sim/sim_engine.hpp>
#include <libasync/sim/simulation.hpp>
#include <libasync/testing/check_stream.hpp>

#include <tests/support/cancel_class_probes.hpp>
#include <tests/support/environment.hpp>

using namespace async_tests;

namespace {

// What only a simulated world has is looked at in one.
std::string on_a_machine(std::string (*look)()) {
    const environment_variable engine("LIBASYNC_ENGINE", "sim");
    return look();
}

task<int> run_on_host(task<int> t) { return sim::on_host("10.0.0.2", std::move(t)); }

// Time by hand, while this lives.
class clock_by_hand {
public:
    clock_by_hand() : engine_(detail::require_sim("clock_by_hand")) { engine_.hold_clock_at(engine_.world().now()); }
    clock_by_hand(const clock_by_hand&) = delete;
    clock_by_hand& operator=(const clock_by_hand&) = delete;
    ~clock_by_hand() { engine_.hold_clock_at(time_point::max()); }

private:
    io::sim_engine& engine_;
};

// Somebody sleeps half an hour, so an hour has not passed yet when this is cancelled.
task<void> advance_clock(cancel_subject& subject) {
    const clock_by_hand clock;
    auto interrupt = [](bool& over) -> task<void> {
        co_await sleep(30min);
        over = true;
    };
    bool over = false;
    auto sleeper = create_task(interrupt(over));
    const time_point begin = this_loop().now();
    const auto ending = co_await subject.run(async::testing::advance(1h));
    must(ending.cancelled(), "it breaks off");
    must(this_loop().now() < begin + 1h, "time stops where it has come");
    co_await async::testing::advance(begin + 1h - this_loop().now());
    must(over && this_loop().now() >= begin + 1h, "the rest of the time may be made up for");
    co_await sleeper.wait();
}

// There is always somebody who is not blocked.
task<void> wait_for_rest(cancel_subject& subject) {
    bool stop = false;
    auto restless = [](const bool& stop) -> task<void> {
        while (!stop) co_await yield();
    };
    auto other = create_task(restless(stop));
    const auto ending = co_await subject.run(async::testing::wait_all_tasks_blocked());
    must(ending.cancelled(), "it breaks off");
    stop = true;
    co_await async::testing::wait_all_tasks_blocked();
    must(other.done(), "it may be repeated");
}

task<void> await_turn(cancel_subject& subject, facts& seen) {
    async::testing::sequencer order;
    auto part = [](async::testing::sequencer& order) -> task<void> { auto turn = co_await order.at(1); };
    const auto ending = co_await subject.run(part(order));
    must(ending.cancelled(), "it breaks off");
    try {
        auto first = co_await order.at(0);
    } catch (const std::runtime_error&) {
        ++seen.half_done;
    }
}

// Stops at the first pair, which `t` is waited for.
task<int> check_streams_made_by(task<int> t) {
    struct made {};
    auto make = [&t]() -> task<stream_pair> {
        static_cast<void>(co_await std::move(t));
        throw made();
    };
    try {
        co_await async::testing::check_stream(make);
    } catch (const made&) {
    }
    co_return 7;
}

const cancel_class_probes of_testing{
    {"on_host", [] { return on_a_machine([] { return inherited_if(run_on_host); }); }},
    {"advance", [] { return on_a_machine([] { return lossless_if(advance_clock); }); }},
    {"wait_all_tasks_blocked", [] { return lossless_if(wait_for_rest); }},
    {"sequencer::at", [] { return class_of(observe(await_turn)); }},
    {"check_stream", [] { return inherited_if(check_streams_made_by); }},
};

}  // namespace
