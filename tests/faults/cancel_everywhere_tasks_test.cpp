// Time, tasks and scopes, cancelled at every suspension.
#include <doctest/doctest.h>

#include <vector>

#include <tests/support/cancel.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

std::unique_ptr<io::engine> scripted() { return std::make_unique<io::scripted_engine>(); }

// Where time is all that counts, the scripted engine's, so that deadlines of the same instant are among the runs; and
// the engine of the environment.
cancel_report check_everywhere(cancel_scenario scenario, delivery_set deliveries = delivery_set::all()) {
    auto* shared = &scenario;
    const auto call = [shared](cancel_subject& subject) { return (*shared)(subject); };
    check_cancelled(cancel_everywhere(call, {.deliveries = deliveries}));
    cancel_report report = cancel_everywhere(call, {.make_engine = scripted, .deliveries = deliveries});
    check_cancelled(report);
    CHECK(report.skipped(cancel_delivery::deadline_at_completion).empty());
    return report;
}

constexpr int steps = 3;

task<int> work(int& done) {
    for (int i = 0; i < steps; ++i) {
        co_await sleep(100us);
        ++done;
    }
    co_return done;
}

}  // namespace

TEST_CASE("sleep, sleep_until and yield: a cancelled part goes no further, and nothing is left of it") {
    const auto part = [](int& done) -> task<void> {
        const time_point later = this_loop().deadline_after(1ms);
        co_await sleep(100us);
        ++done;
        co_await yield();
        ++done;
        co_await sleep_until(later);
        must(this_loop().now() >= later, "never early");
        ++done;
    };
    const auto scenario = [part](cancel_subject& subject) -> task<void> {
        int done = 0;
        const auto ending = co_await subject.run(part(done));
        must_not_fail(ending);
        must(ending.completed() == (done == 3), "it completes at its end");
        const int before = done;
        co_await sleep(2ms);
        must(done == before, "nothing goes on behind the scenario's back");
    };
    const cancel_report report = check_everywhere(scenario);
    CHECK(report.suspensions() == 3);
}

namespace {

task<int> join(task_handle<int>& handle) { co_return co_await handle; }
task<void> watch(task_handle<int>& handle) { co_await handle.wait(); }

// Takes a cancellation, but ends in its own time.
task<int> stubborn(bool& over) {
    cancel_scope scope(time_point::max(), shielding::shielded);
    int done = 0;
    co_await scope.run(work(done));
    over = true;
    co_return 7;
}

}  // namespace

TEST_CASE("joining a task: a cancelled joiner cancels it and waits for it; a destroyed one lets it run") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        int done = 0;
        task_handle<int> child = create_task(work(done));
        auto ending = co_await subject.run(join(child));
        must_not_fail(ending);
        if (ending.completed()) must(ending.value() == steps, "the result is given");
        if (ending.cancelled()) must(child.done() && child.cancelled(), "it was waited for");
        if (!ending.destroyed()) co_return;
        const int result = co_await child;
        must(result == steps, "it ran on");
    };
    check_everywhere(scenario);
}

TEST_CASE("joining a task that ends in its own time: the result is given although the joiner was cancelled") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        bool over = false;
        task_handle<int> child = create_task(stubborn(over));
        auto ending = co_await subject.run(join(child));
        must_not_fail(ending);
        if (!ending.destroyed()) {
            must(over, "it was waited for");
            must(ending.completed() && ending.value() == 7, "the result is given");
        } else {
            const int result = co_await child;
            must(result == 7, "it ran on");
        }
    };
    const cancel_report report =
        cancel_everywhere(scenario, {.make_engine = scripted, .deliveries = delivery_set::all()});
    check_outcomes(report);
    CHECK(report.of(cancel_delivery::at_once).waited == 1);
}

TEST_CASE("watching a task: a cancelled watcher leaves it alone") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        int done = 0;
        task_handle<int> child = create_task(work(done));
        const auto ending = co_await subject.run(watch(child));
        must_not_fail(ending);
        must(!ending.completed() || child.done(), "it completes when the task has ended");
        const int result = co_await child;
        must(result == steps, "the task was not disturbed");
    };
    check_everywhere(scenario);
}

TEST_CASE("gather: all of it has ended when the cancelled gather ends") {
    const auto together = [](std::vector<int>& done) -> task<int> {
        const auto [a, b] = co_await gather(work(done[0]), work(done[1]));
        co_return a + b;
    };
    const auto many = [](std::vector<int>& done) -> task<int> {
        std::vector<task<int>> tasks;
        for (int& d : done) tasks.push_back(work(d));
        const std::vector<int> results = co_await gather(std::move(tasks));
        co_return results[0] + results[1];
    };
    const auto scenario_of = [](auto part) {
        return [part](cancel_subject& subject) -> task<void> {
            std::vector<int> done(2);
            auto ending = co_await subject.run(part(done));
            must_not_fail(ending);
            if (ending.completed()) must(ending.value() == 2 * steps, "all results are there");
            const std::vector<int> before = done;
            co_await sleep(1ms);
            must(done == before, "no child goes on");
        };
    };
    const cancel_report report = check_everywhere(scenario_of(together), all_but_destruction);
    CHECK(report.suspensions() == 1 + 2 * steps);
    check_everywhere(scenario_of(many), all_but_destruction);
}

TEST_CASE("a gather of reads loses nothing of either stream") {
    const auto send = [](tcp_stream& stream, std::string_view text) -> task<void> {
        co_await sleep(200us);
        co_await stream.write(text.substr(0, 3));
        co_await sleep(200us);
        co_await stream.write(text.substr(3));
        co_await stream.shutdown_write();
    };
    const auto read = [](tcp_stream& stream, std::string& got) -> task<void> {
        for (;;) {
            const chunk data = co_await stream.read();
            if (data.empty()) co_return;
            got += data.text();
        }
    };
    const auto scenario = [=](cancel_subject& subject) -> task<void> {
        stream_pair pair = co_await connected_pair();
        std::string there;
        std::string back;
        auto sending = create_task(send(pair.client, "from the client"));
        auto answering = create_task(send(pair.server, "from the server"));
        auto ending = co_await subject.run(gather(read(pair.server, there), read(pair.client, back)));
        must_not_fail(ending);
        co_await read(pair.server, there);
        co_await read(pair.client, back);
        co_await sending;
        co_await answering;
        must(there == "from the client" && back == "from the server", "everything once, on both");
        co_await pair.client.close();
        co_await pair.server.close();
    };
    check_cancelled(cancel_everywhere(scenario, {.deliveries = all_but_destruction}));
}

namespace {

// A cancellation from outside is not the time-out's, nor the inner scope's.
template <class Make>
cancel_scenario within_time(Make make) {
    return [make](cancel_subject& subject) -> task<void> {
        int done = 0;
        auto ending = co_await subject.run(make(done));
        must_not_fail(ending);
        must(ending.completed() == (done == steps), "the time was long enough");
        const int before = done;
        co_await sleep(1ms);
        must(done == before, "nothing goes on");
    };
}

constexpr auto enough = 1h;
constexpr auto too_short = 150us;

}  // namespace

TEST_CASE("timeout and move_on in time: a cancellation from outside goes through") {
    check_everywhere(within_time([](int& done) { return timeout(enough, work(done)); }));
    check_everywhere(within_time([](int& done) { return timeout_at(this_loop().deadline_after(enough), work(done)); }));
    check_everywhere(within_time([](int& done) { return move_on_after(enough, work(done)); }));
    check_everywhere(within_time([](int& done) { return move_on_at(this_loop().deadline_after(enough), work(done)); }));
}

TEST_CASE(
    "a timeout that comes beside a cancellation from outside: one of the two ends the part, and it is told which") {
    int in_time = 0;
    const auto scenario = [&in_time](cancel_subject& subject) -> task<void> {
        int done = 0;
        const auto ending = co_await subject.run(timeout(too_short, work(done)));
        const bool timed_out = ending.failure() && what_of(ending.failure()) == timeout_error().what();
        if (!timed_out) must_not_fail(ending);
        must(timed_out || subject.delivered(), "what was not cancelled takes too long");
        must(!ending.completed(), "there is no result");
        in_time += timed_out;
    };
    check_everywhere(scenario);
    CHECK(in_time != 0);
}

TEST_CASE("a move_on that comes beside a cancellation from outside: its own deadline gives nothing") {
    int own = 0;
    const auto scenario = [&own](cancel_subject& subject) -> task<void> {
        int done = 0;
        auto ending = co_await subject.run(move_on_after(too_short, work(done)));
        must_not_fail(ending);
        must(ending.completed() || subject.delivered(), "its own deadline is no cancellation");
        if (ending.completed()) must(!ending.value(), "there is no result");
        own += ending.completed();
    };
    check_everywhere(scenario);
    CHECK(own != 0);
}

TEST_CASE("cancel_scope::run: a cancellation from outside goes through, one from inside ends here") {
    const auto part = [](int& done) -> task<bool> {
        cancel_scope scope;
        auto stop_after_one = [](cancel_scope& scope, int& done) -> task<void> {
            co_await sleep(100us);
            ++done;
            scope.cancel();
            co_await sleep(100us);
            ++done;
        };
        co_await scope.run(stop_after_one(scope, done));
        const bool caught = scope.cancelled_caught();
        co_await yield();
        co_return caught;
    };
    const auto scenario = [part](cancel_subject& subject) -> task<void> {
        int done = 0;
        auto ending = co_await subject.run(part(done));
        must_not_fail(ending);
        must(done < 2, "the scope was cancelled");
        if (ending.completed()) must(ending.value() && done == 1, "the scope has absorbed its own cancellation");
    };
    check_everywhere(scenario);
}

TEST_CASE("a shielded scope runs to its end, and the cancellation is raised behind it") {
    const auto part = [](bool& over, bool& behind) -> task<void> {
        co_await stubborn(over);
        co_await yield();
        behind = true;
    };
    const auto scenario = [part](cancel_subject& subject) -> task<void> {
        bool over = false;
        bool behind = false;
        const auto ending = co_await subject.run(part(over, behind));
        must_not_fail(ending);
        must(over || ending.destroyed(), "it ran to its end");
        must(ending.completed() == behind, "then the cancellation is raised");
    };
    check_everywhere(scenario);
}
