#include <libasync/coro/task_group.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<int> number_after(std::chrono::nanoseconds delay, int n) {
    co_await sleep(delay);
    co_return n;
}

task<void> fail_after(std::chrono::nanoseconds delay, std::string what) {
    co_await sleep(delay);
    throw std::runtime_error(what);
}

task<void> note_the_end(std::vector<std::string>& ends, std::string name) {
    try {
        co_await sleep(24h);
    } catch (const cancelled&) {
        ends.push_back(name);
        throw;
    }
}

task<void> for_ever() { co_await sleep(24h); }

task<void> say(std::vector<std::string>& notes, std::string what) {
    notes.push_back(what);
    co_return;
}

// What the failures of a group say.
template <class Awaitable>
task<std::vector<std::string>> failures_of(Awaitable awaitable) {
    std::vector<std::string> whats;
    try {
        static_cast<void>(co_await std::move(awaitable));
    } catch (const exception_group& group) {
        for (const auto& failure : group.exceptions()) whats.push_back(what_of(failure));
    }
    co_return whats;
}

using strings = std::vector<std::string>;

}  // namespace

TEST_CASE("a group goes on when its body and all its children have ended, and gives the result of the body") {
    on_every_engine([]() -> task<void> {
        strings notes;
        const int result = co_await with_task_group([&](task_group& group) -> task<int> {
            group.start(say(notes, "child"));
            group.start(number_after(1ms, 1));
            CHECK(group.running() == 2);
            notes.push_back("body");
            co_return 7;
        });
        CHECK(result == 7);
        CHECK(notes == strings{"body", "child"});
    });
}

TEST_CASE("a child is joined by its handle, and a name is kept") {
    on_every_engine([]() -> task<void> {
        co_await with_task_group([](task_group& group) -> task<void> {
            auto child = group.start(number_after(1ms, 3), "adder");
            CHECK(child.name() == "adder");
            const int n = co_await child;
            CHECK(n == 3);
        });
    });
}

TEST_CASE("operations are children too") {
    on_every_engine([]() -> task<void> {
        event ready;
        co_await with_task_group([&](task_group& group) -> task<void> {
            group.start(ready.wait());
            group.start(sleep(0ms));
            co_await yield();
            ready.set();
        });
        CHECK(ready.is_set());
    });
}

TEST_CASE("a closure given to start lives as long as its task, and its arguments do") {
    on_every_engine([]() -> task<void> {
        strings notes;
        co_await with_task_group([&](task_group& group) -> task<void> {
            const std::string text = "a text that is too long to be kept in place";
            group.start([&notes, text]() -> task<void> {
                co_await sleep(1ms);
                notes.push_back(text);
            });
            group.start(
                [](strings& into, std::string word, std::unique_ptr<int> n) -> task<void> {
                    co_await yield();
                    into.push_back(word + std::to_string(*n));
                },
                std::ref(notes), "word", std::make_unique<int>(3));
            co_return;
        });
        CHECK(notes == strings{"word3", "a text that is too long to be kept in place"});
    });
}

TEST_CASE("children start children, as long as one of them runs") {
    on_every_engine([]() -> task<void> {
        strings notes;
        co_await with_task_group([&](task_group& group) -> task<void> {
            auto more = [](task_group& g, strings& into, int left, auto& self) -> task<void> {
                co_await yield();
                into.push_back(std::to_string(left));
                if (left > 0) g.start(self(g, into, left - 1, self));
            };
            group.start(more(group, notes, 3, more));
            co_return;
        });
        CHECK(notes == strings{"3", "2", "1", "0"});
    });
}

TEST_CASE("a failing child cancels the body and the others; all failures come as one group") {
    on_every_engine([]() -> task<void> {
        strings ends;
        const strings failures = co_await failures_of(with_task_group([&](task_group& group) -> task<void> {
            group.start(note_the_end(ends, "child"));
            group.start(fail_after(0ms, "first"));
            co_await note_the_end(ends, "body");
        }));
        CHECK(failures == strings{"first"});
        CHECK(ends.size() == 2);
    });
}

TEST_CASE("failures while the group is being cancelled are kept, in the order in which they came") {
    on_every_engine([]() -> task<void> {
        auto breaks = [](std::string what) -> task<void> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
            }
            throw std::runtime_error(what);
        };
        const strings failures = co_await failures_of(with_task_group([&](task_group& group) -> task<void> {
            group.start(breaks("second"));
            group.start(fail_after(0ms, "first"));
            co_await breaks("body");
        }));
        CHECK(failures == strings{"first", "body", "second"});
    });
}

TEST_CASE("a failure that its group has thrown is not reported as well") {
    with_every_runner([](runner& r) {
        report_recorder recorder(r.loop());
        auto breaks = [](std::string what) -> task<void> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
            }
            throw std::runtime_error(what);
        };
        auto get_ready = [breaks](task_status<void> status) -> task<void> {
            status.started();
            co_await breaks("ready");
        };
        auto main = [&](strings& failures) -> task<void> {
            task_handle<void> held;
            failures = co_await failures_of(with_task_group([&](task_group& group) -> task<void> {
                co_await group.start_ready(get_ready);
                group.start(breaks("dropped"));
                held = group.start(breaks("held"));
                co_await yield();
                co_await yield();
                throw std::runtime_error("body");
            }));
        };
        strings failures;
        r.run(main(failures));
        CHECK(failures == strings{"body", "ready", "dropped", "held"});
        CHECK(recorder.reports.empty());
    });
}

TEST_CASE("a failure of the body is wrapped too, and cancels the children") {
    on_every_engine([]() -> task<void> {
        strings ends;
        const strings failures = co_await failures_of(with_task_group([&](task_group& group) -> task<void> {
            group.start(note_the_end(ends, "child"));
            co_await yield();
            co_await yield();
            throw std::runtime_error("body");
        }));
        CHECK(failures == strings{"body"});
        CHECK(ends == strings{"child"});
    });
}

TEST_CASE("what a child threw and the body let through is one failure") {
    on_every_engine([]() -> task<void> {
        const strings failures = co_await failures_of(with_task_group([](task_group& group) -> task<void> {
            auto child = group.start(fail_after(0ms, "only"));
            co_await child;
        }));
        CHECK(failures == strings{"only"});
    });
}

TEST_CASE("a child that is cancelled is no failure") {
    on_every_engine([]() -> task<void> {
        co_await with_task_group([](task_group& group) -> task<void> {
            auto child = group.start(for_ever());
            auto other = group.start(number_after(1ms, 2));
            co_await yield();
            child.cancel();
            const int n = co_await other;
            CHECK(n == 2);
            CHECK(child.cancelled());
        });
    });
}

TEST_CASE("cancel ends body and children, and the group without an exception") {
    on_every_engine([]() -> task<void> {
        strings ends;
        co_await with_task_group([&](task_group& group) -> task<void> {
            group.start(note_the_end(ends, "child"));
            co_await yield();
            co_await yield();
            CHECK_FALSE(group.cancel_called());
            group.cancel();
            CHECK(group.cancel_called());
            co_await note_the_end(ends, "body");
        });
        CHECK(ends.size() == 2);
        co_await yield();  // the caller itself is not cancelled
    });
}

TEST_CASE("a cancel that cuts the body short of a result throws task_cancelled") {
    on_every_engine([]() -> task<void> {
        const bool refused = co_await throws<task_cancelled>(with_task_group([](task_group& group) -> task<int> {
            group.cancel();
            co_await sleep(24h);
            co_return 1;
        }));
        CHECK(refused);
        const int result = co_await with_task_group([](task_group& group) -> task<int> {
            group.cancel();
            co_return 1;
        });
        CHECK(result == 1);
    });
}

TEST_CASE("in a group that is cancelled a task is started cancelled, and never runs") {
    on_every_engine([]() -> task<void> {
        strings notes;
        co_await with_task_group([&](task_group& group) -> task<void> {
            group.cancel();
            auto child = group.start(say(notes, "ran"));
            child.add_done_callback([&notes] { notes.push_back("ended"); });
            co_return;
        });
        co_await yield();
        CHECK(notes == strings{"ended"});
    });
}

TEST_CASE("in a group that has ended nothing can be started") {
    on_every_engine([]() -> task<void> {
        bool refused = false;
        co_await with_task_group([&](task_group& group) -> task<void> {
            auto last = group.start(number_after(0ms, 1));
            last.add_done_callback([&refused, &group] {
                try {
                    group.start(for_ever());
                } catch (const std::logic_error& e) {
                    refused = std::string(e.what()) == "task_group::start: the group has ended";
                }
            });
            co_return;
        });
        CHECK(refused);
    });
}

TEST_CASE("an empty task is refused, and the group goes on") {
    on_every_engine([]() -> task<void> {
        co_await with_task_group([](task_group& group) -> task<void> {
            CHECK_THROWS_AS(group.start(task<int>()), std::logic_error);
            auto child = group.start(number_after(0ms, 1));
            const int n = co_await child;
            CHECK(n == 1);
        });
    });
}

TEST_CASE("a cancellation from outside reaches body and children and goes on upwards") {
    on_every_engine([]() -> task<void> {
        strings ends;
        auto outer = [](strings& ends) -> task<void> {
            co_await with_task_group([&](task_group& group) -> task<void> {
                group.start(note_the_end(ends, "child"));
                co_await note_the_end(ends, "body");
            });
        };
        auto handle = create_task(outer(ends));
        co_await yield();
        co_await yield();
        handle.cancel();
        co_await handle.wait();
        CHECK(handle.cancelled());
        CHECK(ends.size() == 2);
    });
}

TEST_CASE("a cancellation from outside that cuts the body alone short is raised by the group itself") {
    on_every_engine([]() -> task<void> {
        bool went_on = false;
        auto without_result = [](bool& went_on) -> task<void> {
            co_await with_task_group([](task_group&) -> task<void> { co_await for_ever(); });
            went_on = true;
        };
        strings notes;
        auto with_result = [&notes](bool& went_on) -> task<void> {
            static_cast<void>(co_await with_task_group([&notes](task_group& group) -> task<int> {
                group.start(say(notes, "the child has ended"));
                co_await for_ever();
                co_return 2;
            }));
            went_on = true;
        };
        auto first = create_task(without_result(went_on));
        auto second = create_task(with_result(went_on));
        while (notes.empty()) co_await yield();
        co_await yield();
        auto third = create_task(move_on_after(0ms, without_result(went_on)));
        co_await third.wait();
        first.cancel();
        second.cancel();
        co_await first.wait();
        co_await second.wait();
        CHECK_FALSE(went_on);
        CHECK(first.cancelled());
        CHECK(second.cancelled());
    });
}

TEST_CASE("the body ends in time, the children do not: the join waits whatever is cancelled") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point begin = s.engine.clock();
        auto stubborn = []() -> task<void> {
            cancel_scope shield(time_point::max(), shielding::shielded);
            co_await shield.run(number_after(10s, 1));
        };
        const auto got = co_await move_on_after(1s, with_task_group([&](task_group& group) -> task<void> {
                                                    group.start(stubborn());
                                                    co_return;
                                                }));
        CHECK(got.has_value());  // it came to its end: an outcome that is there is given
        CHECK(s.engine.clock() == begin + 10s);
    }(s));
}

TEST_CASE("a time-out that cuts a child short is told, though the body had ended in time") {
    on_every_engine([]() -> task<void> {
        auto body = [](task_group& group) -> task<int> {
            group.start(for_ever());
            co_return 1;
        };
        const bool late = co_await throws<timeout_error>(timeout(1ms, with_task_group(body)));
        CHECK(late);
        const auto got = co_await move_on_after(1ms, with_task_group(body));
        CHECK_FALSE(got.has_value());
        // A child that was cancelled for itself is no reason.
        auto other = [](task_group& group) -> task<int> {
            auto child = group.start(for_ever());
            child.cancel();
            co_return 1;
        };
        const int value = co_await timeout(1h, with_task_group(other));
        CHECK(value == 1);
        // Nor is one that the group itself has cancelled.
        auto third = [](task_group& group) -> task<int> {
            group.start(for_ever());
            co_await yield();
            group.cancel();
            co_return 2;
        };
        const int result = co_await timeout(1h, with_task_group(third));
        CHECK(result == 2);
    });
}

TEST_CASE("a group inside a group: its failures are a group inside the other's") {
    on_every_engine([]() -> task<void> {
        std::string tree;
        try {
            co_await with_task_group([](task_group& outer) -> task<void> {
                auto inner = [](task_group& group) -> task<void> {
                    group.start(fail_after(0ms, "deep"));
                    co_await sleep(24h);
                };
                outer.start(with_task_group(inner));
                co_await sleep(24h);
            });
        } catch (const exception_group& group) {
            REQUIRE(group.size() == 1);
            CHECK(group.contains<std::runtime_error>());
            CHECK_THROWS_WITH_AS(group.rethrow_if_single(), "deep", std::runtime_error);
            tree = group.tree();
        }
        CHECK(tree.starts_with("task group at task_group_test.cpp:"));
        CHECK(tree.ends_with("└─ deep\n"));
    });
}

namespace {

task<void> serve(task_status<int> status, int port, strings& notes) {
    co_await yield();
    status.started(port + 1);
    co_await note_the_end(notes, "served");
}

task<void> begin_slowly(task_status<> status) {
    co_await sleep(1ms);
    status.started();
    CHECK_THROWS_AS(status.started(), std::logic_error);
}

task<void> break_early(task_status<int>) { co_await fail_after(0ms, "no port"); }

task<void> forget(task_status<int>) { co_return; }

}  // namespace

TEST_CASE("start_ready goes on once the child says that it is ready, with what it gives") {
    on_every_engine([]() -> task<void> {
        strings notes;
        co_await with_task_group([&](task_group& group) -> task<void> {
            const int port = co_await group.start_ready(serve, 80, std::ref(notes));
            CHECK(port == 81);
            co_await group.start_ready(begin_slowly);
            co_await yield();
            CHECK(group.running() == 1);
            group.cancel();
        });
        CHECK(notes == strings{"served"});
    });
}

TEST_CASE("start_ready keeps a closure as long as its task") {
    on_every_engine([]() -> task<void> {
        strings notes;
        co_await with_task_group([&](task_group& group) -> task<void> {
            {
                const std::string text = "a text that is too long to be kept in place";
                auto closure = [&notes, text](task_status<> status) -> task<void> {
                    status.started();
                    co_await sleep(1ms);
                    notes.push_back(text);
                };
                co_await group.start_ready(closure);
            }
            co_await yield();
        });
        CHECK(notes == strings{"a text that is too long to be kept in place"});
    });
}

TEST_CASE("what a child throws before it is ready is start_ready's, not the group's") {
    on_every_engine([]() -> task<void> {
        strings notes;
        co_await with_task_group([&](task_group& group) -> task<void> {
            const std::string what = co_await message_of(group.start_ready(break_early));
            CHECK(what == "no port");
            CHECK_FALSE(group.cancel_called());
            const std::string forgotten = co_await message_of(group.start_ready(forget));
            CHECK(forgotten == "task_group::start_ready: the task ended without calling started()");
            CHECK(group.running() == 0);
        });
    });
}

TEST_CASE("until it is ready the child is cancelled with the caller of start_ready, then with its group") {
    on_every_engine([]() -> task<void> {
        strings notes;
        auto never_ready = [](task_status<int>, strings& notes) -> task<void> { co_await note_the_end(notes, "early"); };
        co_await with_task_group([&](task_group& group) -> task<void> {
            const auto port = co_await move_on_after(1ms, group.start_ready(never_ready, std::ref(notes)));
            CHECK_FALSE(port.has_value());
            CHECK(notes == strings{"early"});
            // Ready within a scope that is cancelled afterwards: it is the group's by then.
            cancel_scope scope;
            auto start = [](task_group& g, strings& notes, cancel_scope& scope) -> task<void> {
                co_await g.start_ready(serve, 1, std::ref(notes));
                scope.cancel();
                co_await yield();
            };
            co_await scope.run(start(group, notes, scope));
            CHECK(scope.cancelled_caught());
            co_await yield();
            CHECK(group.running() == 1);
            group.cancel();
        });
        CHECK(notes == strings{"early", "served"});
    });
}

TEST_CASE("a child that gets ready in a group that is cancelled meanwhile is cancelled") {
    on_every_engine([]() -> task<void> {
        strings notes;
        co_await with_task_group([&](task_group& group) -> task<void> {
            auto start = [](task_group& g, strings& notes) -> task<void> {
                cancel_scope shield(time_point::max(), shielding::shielded);
                const auto port = co_await shield.run(g.start_ready(serve, 80, std::ref(notes)));
                notes.push_back(std::to_string(port.value_or(0)));
            };
            group.start(start(group, notes));
            co_await yield();
            group.cancel();
        });
        CHECK(notes.size() == 2);
    });
}

TEST_CASE("a group keeps nothing of its children but their failures") {
    on_every_engine([]() -> task<void> {
        counted::reset();
        auto holder = [](counted) -> task<counted> {
            co_await yield();
            co_return counted(2);
        };
        co_await with_task_group([&](task_group& group) -> task<void> {
            for (int i = 0; i < 100; ++i) group.start(holder(counted(i)));
            while (group.running() != 0) co_await yield();
            CHECK(counted::alive() == 0);
        });
    });
}
