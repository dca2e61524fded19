// In which order things happen: sleeps, yields, deadlines, and completions beside them.
#include <tests/parity/behaviour.hpp>

namespace {

using namespace parity;

task<void> sleep_and_note(trace& t, std::chrono::milliseconds delay, const char* what) {
    co_await sleep(delay);
    t.note(what);
}

task<void> sleep_until_and_note(trace& t, time_point when, std::string what) {
    co_await sleep_until(when);
    t.note(what);
}

task<void> yield_and_note(trace& t, int times, std::string what) {
    for (int i = 0; i < times; ++i) {
        t.note(what + " " + std::to_string(i));
        co_await yield();
    }
}

task<void> note_it(trace& t, const char* what) {
    t.note(what);
    co_return;
}

}  // namespace

BEHAVIOUR("sleeps of different length end in the order of their length") {
    co_await gather(sleep_and_note(t, 15ms, "long"), sleep_and_note(t, 5ms, "short"),
                    sleep_and_note(t, 10ms, "middle"));
}

BEHAVIOUR("sleeps until one moment end in the order in which they were begun") {
    const time_point when = this_loop().deadline_after(5ms);
    std::vector<task<void>> sleeping;
    for (int i = 0; i < 10; ++i) sleeping.push_back(sleep_until_and_note(t, when, "sleeper " + std::to_string(i)));
    co_await gather(std::move(sleeping));
}

BEHAVIOUR("a sleep that is set later but ends earlier goes first; equal ones keep their order") {
    const time_point base = this_loop().deadline_after(5ms);
    std::vector<task<void>> sleeping;
    for (const int offset : {3, 1, 2, 1, 3, 2}) {
        const int number = static_cast<int>(sleeping.size());
        sleeping.push_back(sleep_until_and_note(
            t, base + offset * 2ms, "moment " + std::to_string(offset) + ", sleeper " + std::to_string(number)));
    }
    co_await gather(std::move(sleeping));
}

BEHAVIOUR("tasks that yield take turns") {
    co_await gather(yield_and_note(t, 3, "a"), yield_and_note(t, 2, "b"), yield_and_note(t, 3, "c"));
}

BEHAVIOUR("a task that is created runs after its creator lets others run, in the order of creation") {
    auto first = create_task(note_it(t, "first"));
    auto second = create_task(note_it(t, "second"));
    t.note("created");
    co_await yield();
    t.note("after the yield");
    co_await first;
    co_await second;
}

BEHAVIOUR("a sleep of nothing lets those run first that are ready") {
    auto ready = create_task(note_it(t, "ready"));
    co_await sleep(0ms);
    t.note("after the sleep of nothing");
    auto other = create_task(note_it(t, "ready again"));
    co_await sleep(-1s);
    t.note("after a sleep of less than nothing");
}

BEHAVIOUR("calls that are due at one moment are made in the order in which they were set") {
    loop& l = this_loop();
    const time_point when = l.deadline_after(5ms);
    l.call_at(when, [&t] { t.note("first"); });
    l.call_at(when, [&t] { t.note("second"); });
    l.call_soon([&t] { t.note("soon"); });
    l.call_at(when, [&t] { t.note("third"); });
    co_await sleep(10ms);
}

BEHAVIOUR("a sleep lasts at least as long as it says") {
    loop& l = this_loop();
    for (const auto delay : {0ms, 1ms, 5ms}) {
        const time_point until = l.deadline_after(delay);
        co_await sleep(delay);
        t.note("long enough", l.deadline_after(0ms) >= until);
    }
}

BEHAVIOUR("a deadline that has passed acts on entry, a result that is there or not") {
    stream_pair pair = co_await connected_pair();
    co_await pair.server.write("there");
    co_await settle();
    const time_point past = this_loop().deadline_after(-1s);
    co_await t.see("read", timeout_at(past, pair.client.read()));
    co_await t.see("sleep of nothing", timeout_at(past, sleep(0ms)));
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("a sleep that ends at the deadline of its time-out ends by itself") {
    const time_point when = this_loop().deadline_after(50ms);
    co_await t.see("sleep until the deadline", timeout_at(when, sleep_until(when)));
    co_await t.see("sleep beyond it", timeout_at(this_loop().deadline_after(5ms), sleep(1s)));
}

BEHAVIOUR("of two time-outs the earlier one acts, whichever is inside") {
    co_await t.see("earlier outside", timeout(5ms, move_on_after(1s, sleep(10s))));
    co_await t.see("earlier inside", timeout(1s, move_on_after(5ms, sleep(10s))));
}

BEHAVIOUR("a sleep that is cancelled ends at once, others keep their time") {
    auto sleeping = t.begin("long sleep", sleep(30s));
    auto other = create_task(sleep_and_note(t, 150ms, "short sleep"));
    co_await settle();
    sleeping.cancel();
    co_await sleeping.wait();
    co_await other;
}

BEHAVIOUR("a deadline that is moved counts from the new moment") {
    cancel_scope scope(this_loop().deadline_after(100ms));
    auto body = [](trace& t, cancel_scope& scope) -> task<void> {
        scope.set_deadline(time_point::max());
        co_await t.see("sleep past the old deadline", sleep(110ms));
        scope.set_deadline(this_loop().deadline_after(5ms));
        co_await t.see("sleep past the new deadline", sleep(10s));
    };
    co_await scope.run(body(t, scope));
    t.note("caught", scope.cancelled_caught());
}

BEHAVIOUR("data wakes its reader before a later sleeper") {
    stream_pair pair = co_await connected_pair();
    auto reading = t.begin("read", pair.client.read());
    auto sleeping = create_task(sleep_and_note(t, 150ms, "slept"));
    co_await settle();
    co_await pair.server.write("x");
    co_await reading.wait();
    co_await sleeping;
}

BEHAVIOUR("posts are run in their order") {
    loop& l = this_loop();
    for (const char* what : {"first", "second", "third"}) l.post([&t, what] { t.note(what); });
    t.note("posted");
    co_await settle();
}
