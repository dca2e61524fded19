// What runs several tasks, shields one, or waits for some, cancelled at every suspension.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <tests/support/cancel.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

std::unique_ptr<io::engine> scripted() { return std::make_unique<io::scripted_engine>(); }

void check_everywhere(cancel_scenario scenario, delivery_set deliveries = delivery_set::all()) {
    auto* shared = &scenario;
    const auto call = [shared](cancel_subject& subject) { return (*shared)(subject); };
    check_cancelled(cancel_everywhere(call, {.deliveries = deliveries}));
    check_cancelled(cancel_everywhere(call, {.make_engine = scripted, .deliveries = deliveries}));
}

constexpr int steps = 3;

// Counts itself in and out.
class guest {
public:
    explicit guest(int& inside) : inside_(inside) { ++inside_; }
    guest(const guest&) = delete;
    guest& operator=(const guest&) = delete;
    ~guest() { --inside_; }

private:
    int& inside_;
};

task<int> work(int& inside, int& done) {
    const guest here(inside);
    for (int i = 0; i < steps; ++i) {
        co_await sleep(100us);
        ++done;
    }
    co_return done;
}

}  // namespace

TEST_CASE("gather_settled: all have ended when it ends, whatever happens") {
    const auto part = [](int& inside, std::vector<int>& done) -> task<int> {
        auto [a, b] = co_await gather_settled(work(inside, done[0]), work(inside, done[1]));
        co_return a.value() + b.value();
    };
    check_everywhere(
        [part](cancel_subject& subject) -> task<void> {
            int inside = 0;
            std::vector<int> done(2);
            auto ending = co_await subject.run(part(inside, done));
            must_not_fail(ending);
            must(inside == 0, "all have ended");
            must(!ending.completed() || ending.value() == 2 * steps, "with their results");
        },
        all_but_destruction);
}

TEST_CASE("race: the losers have ended when it ends, whatever happens") {
    const auto part = [](int& inside, std::vector<int>& done) -> task<std::size_t> {
        std::vector<task<int>> runners;
        for (int& d : done) runners.push_back(work(inside, d));
        const auto first = co_await race(std::move(runners));
        must(first.value >= steps, "the winner has run to its end");
        const auto second = co_await race(work(inside, done[0]), sleep(24h));
        co_return first.index + second.index();
    };
    check_everywhere(
        [part](cancel_subject& subject) -> task<void> {
            int inside = 0;
            std::vector<int> done(3);
            const auto ending = co_await subject.run(part(inside, done));
            must_not_fail(ending);
            must(inside == 0, "all have ended");
        },
        all_but_destruction);
}

TEST_CASE("a task group: children, their children and the body have ended when it ends, whatever happens") {
    struct state {
        int inside = 0;
        int done = 0;
    };
    const auto part = [](state& s) -> task<int> {
        co_return co_await with_task_group([&s](task_group& group) -> task<int> {
            auto first = group.start(work(s.inside, s.done));
            group.start([&s, &group]() -> task<void> {
                const guest here(s.inside);
                co_await yield();
                group.start(work(s.inside, s.done));
            });
            co_await sleep(50us);
            const int result = co_await first;
            co_return result;
        });
    };
    check_everywhere(
        [part](cancel_subject& subject) -> task<void> {
            state s;
            const auto ending = co_await subject.run(part(s));
            must_not_fail(ending);
            must(s.inside == 0, "all have ended");
        },
        all_but_destruction);
}

TEST_CASE("start_ready: before it is ready the child ends with the caller, afterwards with its group") {
    struct state {
        int inside = 0;
        bool ready = false;
    };
    const auto part = [](state& s) -> task<void> {
        auto serve = [](task_status<int> status, state& s) -> task<void> {
            const guest here(s.inside);
            co_await sleep(100us);
            status.started(7);
            co_await sleep(24h);
        };
        auto body = [&s, serve](task_group& group) -> task<void> {
            const int value = co_await group.start_ready(serve, std::ref(s));
            must(value == 7, "the value is given");
            s.ready = true;
            co_await sleep(100us);
            group.cancel();
        };
        co_await with_task_group(body);
    };
    check_everywhere(
        [part](cancel_subject& subject) -> task<void> {
            state s;
            const auto ending = co_await subject.run(part(s));
            must_not_fail(ending);
            must(s.inside == 0, "the child has ended");
            must(!ending.completed() || s.ready, "it completes at its end");
        },
        all_but_destruction);
}

TEST_CASE("shield and finally: what is shielded, and the clean-up, run to their end") {
    struct state {
        int inside = 0;
        int worked = 0;
        int cleaned = 0;
        bool shielded = false;
        bool begun = false;
    };
    const auto part = [](state& s) -> task<void> {
        auto begin = [](state& s) -> task<void> {
            s.begun = true;
            static_cast<void>(co_await work(s.inside, s.worked));
        };
        co_await finally(begin(s), work(s.inside, s.cleaned), 1h);
        s.worked = 0;
        s.shielded = true;
        static_cast<void>(co_await shield(work(s.inside, s.worked)));
    };
    check_everywhere(
        [part](cancel_subject& subject) -> task<void> {
            state s;
            const auto ending = co_await subject.run(part(s));
            must_not_fail(ending);
            must(s.inside == 0, "all have ended");
            must(!s.begun || s.cleaned == steps, "the clean-up has run to its end");
            must(!s.shielded || s.worked == steps, "what is shielded has run to its end");
        },
        all_but_destruction);
}

TEST_CASE("wait: a cancelled or destroyed wait leaves the tasks alone") {
    const auto part = [](std::vector<task_handle<int>>& handles) -> task<std::size_t> {
        const auto first = co_await async::wait(handles, when::first_completed, 1h);
        const auto all = co_await async::wait(handles, when::all_completed, 1h);
        co_return first.done.size() + all.done.size();
    };
    // One ends after the other, so that the second wait has to wait too.
    const auto work_longer = [](int& inside, int& done, int naps) -> task<int> {
        const guest here(inside);
        for (; done < naps; ++done) co_await sleep(100us);
        co_return done;
    };
    check_everywhere([part, work_longer](cancel_subject& subject) -> task<void> {
        int inside = 0;
        std::vector<int> done(3);
        std::vector<task_handle<int>> handles;
        handles.reserve(done.size());
        for (int i = 0; i < 3; ++i) {
            handles.push_back(create_task(work_longer(inside, done[static_cast<std::size_t>(i)], i + 1)));
        }
        const auto ending = co_await subject.run(part(handles));
        must_not_fail(ending);
        for (int i = 0; i < 3; ++i) {
            const int result = co_await handles[static_cast<std::size_t>(i)];
            must(result == i + 1, "a task was not disturbed");
        }
    });
}

namespace {

// Takes numbers from two channels and a queue until it has seen `count` of them.
task<void> take_all(channel<int>& a, channel<int>& b, async::queue<int>& q, std::vector<int>& taken, std::size_t count) {
    while (taken.size() < count) {
        auto got = co_await select(a.receiver.receive(), b.receiver.receive(), q.get());
        switch (got.index()) {
            case 0: taken.push_back(std::get<0>(got).value()); break;
            case 1: taken.push_back(std::get<1>(got).value()); break;
            default: taken.push_back(std::get<2>(got));
        }
    }
}

task<void> send_all(channel<int>& a, channel<int>& b, async::queue<int>& q) {
    for (int i = 0; i < 9; i += 3) {
        co_await a.sender.send(i);
        co_await sleep(50us);
        co_await b.sender.send(i + 1);
        co_await q.put(i + 2);
    }
}

}  // namespace

TEST_CASE("select: whoever selects next gets what a cancelled or destroyed selection did not take, each once") {
    check_everywhere([](cancel_subject& subject) -> task<void> {
        channel<int> a(0);
        channel<int> b(1);
        async::queue<int> q(1);
        std::vector<int> taken;
        taken.reserve(9);
        auto sender = create_task(send_all(a, b, q));
        const auto ending = co_await subject.run(take_all(a, b, q, taken, 9));
        must_not_fail(ending);
        co_await take_all(a, b, q, taken, 9);
        co_await sender;
        std::sort(taken.begin(), taken.end());
        for (int i = 0; i < 9; ++i) must(taken[static_cast<std::size_t>(i)] == i, "each number comes once");
    });
}

TEST_CASE("as_completed: all have ended when it is cancelled, and soon after it was destroyed") {
    const auto part = [](int& inside, std::vector<int>& done) -> task<int> {
        std::vector<task<int>> tasks;
        for (int& d : done) tasks.push_back(work(inside, d));
        auto each = as_completed(std::move(tasks));
        int sum = 0;
        while (auto next = co_await each.next()) sum += next->value();
        co_return sum;
    };
    check_everywhere([part](cancel_subject& subject) -> task<void> {
        int inside = 0;
        std::vector<int> done(3);
        auto ending = co_await subject.run(part(inside, done));
        must_not_fail(ending);
        if (ending.destroyed()) {
            for (int i = 0; i < 5; ++i) co_await yield();
        }
        must(inside == 0, "all have ended");
        must(!ending.completed() || ending.value() == 3 * steps, "with their results");
    });
}
