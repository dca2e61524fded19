// What cancel classes are derived with: a probe gives the class of one awaitable, from what happens when it is
// cancelled. To add one, write in a file tests/faults/cancel_class_<subject>_probes.cpp
//
//   const cancel_class_probes of_mine{{"my_class::wait", [] { return lossless_if(scenario); }}};
//
// A second function of that name, by the order of headers and lines, is "my_class::wait#2".
#pragma once

#include <chrono>
#include <functional>
#include <initializer_list>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>

#include <tests/support/cancel.hpp>
#include <tests/support/scripted.hpp>

namespace async_tests {

// Puts its probes where the test finds them.
class cancel_class_probes {
public:
    using probe = std::function<std::string()>;
    using table = std::map<std::string, probe>;

    cancel_class_probes(std::initializer_list<table::value_type> probes) {
        for (const auto& [name, p] : probes) {
            if (!all().emplace(name, p).second) throw std::logic_error("two probes for " + name);
        }
    }

    static table& all() {
        static table probes;
        return probes;
    }
};

struct facts {
    unsigned suspensions = 0;
    unsigned cancelled = 0;
    unsigned waited = 0;     // it completed although nothing was recorded when the cancellation came
    unsigned half_done = 0;  // and the object refuses more
};

inline std::string class_of(const facts& f) {
    if (f.half_done != 0) return "poisoning";
    if (f.waited != 0) return "deferred";
    if (f.cancelled != 0) return "lossless";
    return f.suspensions == 0 ? "never waits" : "unknown";
}

using observed_scenario = std::function<task<void>(cancel_subject&, facts&)>;

// Cancels the first await of the part at once, and again and again in the next turn, with more and more time for
// threads and kernel to work in between.
inline facts observe_up_to(std::chrono::microseconds longest, const observed_scenario& scenario) {
    facts seen;
    const auto once = [&](cancel_delivery d, std::chrono::microseconds hesitation) {
        const auto run = [&](cancel_subject& subject) { return scenario(subject, seen); };
        const cancel_options options{.only = async::testing::cancel_point{d, 0}, .hesitation = hesitation};
        const cancel_report report = cancel_everywhere(run, options);
        seen.suspensions += report.suspensions();
        seen.cancelled += report.total().cancelled;
        seen.waited += report.total().waited;
    };
    once(cancel_delivery::at_once, 0us);
    for (auto hesitation = 0us; hesitation < longest && seen.waited == 0; hesitation = 4 * hesitation + 100us) {
        once(cancel_delivery::next_turn, hesitation);
    }
    return seen;
}

// For what waits for others, who do not come.
inline facts observe(const observed_scenario& scenario) { return observe_up_to(3ms, scenario); }

// For work that comes to its end by itself, sooner or later.
inline facts observe_work(const observed_scenario& scenario) { return observe_up_to(10s, scenario); }

// Cancels each await of a part that is made of several.
inline facts observe_each(const observed_scenario& scenario) {
    facts seen;
    const auto run = [&](cancel_subject& subject) { return scenario(subject, seen); };
    const cancel_report report = cancel_everywhere(run, {.deliveries = delivery_set::of(cancel_delivery::at_once)});
    seen.suspensions = report.suspensions();
    seen.cancelled = report.total().cancelled;
    seen.waited += report.total().waited;
    return seen;
}

inline std::string lossless_if(task<void> (*scenario)(cancel_subject&)) {
    return class_of(observe([scenario](cancel_subject& subject, facts&) { return scenario(subject); }));
}

// Counts what takes effect although its scope was cancelled before.
template <class Closable>
task<void> close_cancelled(cancel_subject& subject, Closable closable, facts& seen) {
    auto part = [](Closable& c) -> task<void> {
        try {
            co_await yield();
            co_await yield();
        } catch (const cancelled&) {
        }
        co_await c.close();
    };
    const auto ending = co_await subject.run(part(closable));
    must(!closable.is_open(), "it is closed");
    seen.waited += ending.completed();
}

// Ends in its own time.
inline task<int> stubborn() {
    cancel_scope scope(time_point::max(), shielding::shielded);
    auto nap = []() -> task<void> { co_await sleep(1ms); };
    co_await scope.run(nap());
    co_return 7;
}

inline task<int> join(task_handle<int>& handle) { co_return co_await handle; }

inline task<int> sleep_for_ever(task_handle<int>&) {
    co_await sleep(24h);
    co_return 0;
}

// What is made of other awaitables is as they are.
template <class Wrap>
std::string inherited_if(Wrap wrap) {
    const auto class_with = [wrap](task<int> (*inner)(task_handle<int>&)) {
        return class_of(observe([=](cancel_subject& subject, facts&) -> task<void> {
            task_handle<int> handle = create_task(stubborn());
            co_await yield();
            must_not_fail(co_await subject.run(wrap(inner(handle))));
            co_await handle.wait();
        }));
    };
    const std::string broken_off = class_with(sleep_for_ever);
    const std::string waited_for = class_with(join);
    if (broken_off == "lossless" && waited_for == "deferred") return "inherited";
    return "like " + broken_off + " and " + waited_for;
}

// Waits, is cancelled, and then is given what it waited for.
template <class Wait, class Give>
std::string lossless_if_repeated(Wait wait, Give give) {
    return class_of(observe([=](cancel_subject& subject, facts&) -> task<void> {
        const auto ending = co_await subject.run(wait());
        must(ending.cancelled(), "there is nothing yet");
        auto again = create_task(wait());
        for (int i = 0; i < 5; ++i) co_await yield();
        must(!again.done(), "there is still nothing");
        give();
        co_await again;
    }));
}

}  // namespace async_tests
