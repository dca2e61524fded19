// Task groups: rows 80 to 92 of what asyncio and trio promise.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

using strings = std::vector<std::string>;

task<void> note_after(std::chrono::nanoseconds delay, strings& notes, std::string note) {
    co_await sleep(delay);
    notes.push_back(note);
}

task<void> fail_after(std::chrono::nanoseconds delay, std::string what) {
    co_await sleep(delay);
    throw std::runtime_error(what);
}

task<void> fail_when_cancelled(std::string what) {
    try {
        co_await sleep(24h);
    } catch (const cancelled&) {
        throw std::runtime_error(what);
    }
}

// What the group that awaiting throws says, as a tree without the names of places; empty if it throws none.
template <class Awaitable>
task<strings> leaves_of(Awaitable awaitable) {
    strings whats;
    try {
        static_cast<void>(co_await std::move(awaitable));
    } catch (const exception_group& group) {
        for (const auto& failure : group.leaves()) whats.push_back(what_of(failure));
    }
    co_return whats;
}

}  // namespace

TEST_CASE("80: the exit waits for all children; while it does they add more, until the last has ended") {
    on_every_engine([]() -> task<void> {
        strings notes;
        co_await with_task_group([&](task_group& group) -> task<void> {
            group.start([&group, &notes]() -> task<void> {
                co_await sleep(1ms);  // the body has ended by now
                group.start(note_after(1ms, notes, "late"));
                notes.emplace_back("early");
            });
            notes.emplace_back("body");
            co_return;
        });
        CHECK(notes == strings{"body", "early", "late"});
    });
}

TEST_CASE("80: a start_ready that is under way keeps the group open") {
    on_every_engine([]() -> task<void> {
        strings notes;
        auto slow = [](task_status<int> status, strings& notes) -> task<void> {
            co_await sleep(1ms);
            status.started(1);
            co_await note_after(1ms, notes, "child");
        };
        co_await with_task_group([&](task_group& group) -> task<void> {
            group.start([&]() -> task<void> {
                const int value = co_await group.start_ready(slow, std::ref(notes));
                notes.push_back(std::to_string(value));
            });
            co_return;
        });
        CHECK(notes == strings{"1", "child"});
    });
}

TEST_CASE("82: a failure of the body cancels the children and is wrapped in the group as theirs are") {
    on_every_engine([]() -> task<void> {
        const strings leaves = co_await leaves_of(with_task_group([](task_group& group) -> task<void> {
            group.start(fail_when_cancelled("child"));
            co_await yield();
            co_await yield();
            throw std::runtime_error("body");
        }));
        CHECK(leaves == strings{"body", "child"});
    });
}

TEST_CASE("82: a body that fails before it has suspended: no child runs, and the group is thrown") {
    on_every_engine([]() -> task<void> {
        strings notes;
        const strings leaves = co_await leaves_of(with_task_group([&notes](task_group& group) -> task<void> {
            group.start(note_after(0ms, notes, "child"));
            throw std::runtime_error("body");
            co_return;
        }));
        CHECK(leaves == strings{"body"});
        CHECK(notes.empty());
    });
}

TEST_CASE("83: to cancel one child is no failure, and leaves the others alone") {
    on_every_engine([]() -> task<void> {
        strings notes;
        co_await with_task_group([&](task_group& group) -> task<void> {
            auto child = group.start(note_after(24h, notes, "cancelled"));
            group.start(note_after(1ms, notes, "other"));
            co_await yield();
            child.cancel();
            co_await child.wait();
            CHECK(child.cancelled());
        });
        CHECK(notes == strings{"other"});
    });
}

TEST_CASE("83: the body that joins a cancelled child gets task_cancelled, an ordinary failure") {
    on_every_engine([]() -> task<void> {
        const strings leaves = co_await leaves_of(with_task_group([](task_group& group) -> task<void> {
            auto child = group.start(sleep(24h), "sleeper");
            child.cancel();
            co_await child;
        }));
        CHECK(leaves == strings{"the task 'sleeper' was cancelled"});
    });
}

TEST_CASE("85: cancelled from outside while a child fails, the failures are thrown and the next await raises") {
    on_every_engine([]() -> task<void> {
        strings leaves;
        bool went_on = false;
        auto body = [](strings& leaves, bool& went_on) -> task<void> {
            leaves = co_await leaves_of(with_task_group([](task_group& group) -> task<void> {
                group.start(fail_when_cancelled("child"));
                co_await sleep(24h);
            }));
            co_await yield();
            went_on = true;
        };
        auto handle = create_task(body(leaves, went_on));
        co_await yield();
        co_await yield();
        handle.cancel();
        co_await handle.wait();
        CHECK(leaves == strings{"child"});
        CHECK_FALSE(went_on);
        CHECK(handle.cancelled());
    });
}

TEST_CASE("86: groups nest, and so do what they throw") {
    on_every_engine([]() -> task<void> {
        std::size_t outer_size = 0;
        std::size_t inner_size = 0;
        try {
            co_await with_task_group([](task_group& outer) -> task<void> {
                outer.start(fail_when_cancelled("beside"));
                co_await with_task_group([](task_group& inner) -> task<void> {
                    inner.start(fail_when_cancelled("second"));
                    inner.start(fail_after(0ms, "first"));
                    co_await sleep(24h);
                });
            });
        } catch (const exception_group& group) {
            outer_size = group.size();
            const auto inner = group.split_if([](const std::exception_ptr& f) { return what_of(f) != "beside"; }).matched;
            REQUIRE(inner.has_value());
            inner_size = inner->leaves().size();
            CHECK(group.leaves().size() == 3);
        }
        CHECK(outer_size == 2);
        CHECK(inner_size == 2);
    });
}

TEST_CASE("86: if both fail together, the cancellation of the outer group is not eaten by a catch of the inner") {
    on_every_engine([]() -> task<void> {
        bool went_on = false;
        strings inner_leaves;
        const strings leaves = co_await leaves_of(with_task_group([&](task_group& outer) -> task<void> {
            outer.start(fail_after(0ms, "outer"));
            inner_leaves = co_await leaves_of(with_task_group([](task_group& inner) -> task<void> {
                inner.start(fail_after(0ms, "inner"));
                co_await sleep(24h);
            }));
            co_await yield();
            went_on = true;
        }));
        CHECK(leaves == strings{"outer"});
        CHECK(inner_leaves == strings{"inner"});
        CHECK_FALSE(went_on);
    });
}

TEST_CASE("89: after a failure a task is started cancelled; once the group has ended it is refused") {
    on_every_engine([]() -> task<void> {
        strings notes;
        bool refused = false;
        const strings leaves = co_await leaves_of(with_task_group([&](task_group& group) -> task<void> {
            group.start(fail_after(0ms, "child"));
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
                auto late = group.start(note_after(0ms, notes, "late"));
                late.add_done_callback([&notes] { notes.emplace_back("ended"); });
                late.add_done_callback([&group, &notes, &refused] {
                    try {
                        group.start(note_after(0ms, notes, "never"));
                    } catch (const std::logic_error&) {
                        refused = true;
                    }
                });
                throw;
            }
        }));
        CHECK(leaves == strings{"child"});
        CHECK(notes == strings{"ended"});
        CHECK(refused);
    });
}

TEST_CASE("91: start_ready: the caller's until it is ready, its errors too; then the group's") {
    on_every_engine([]() -> task<void> {
        auto serve = [](task_status<std::string> status, std::chrono::nanoseconds then) -> task<void> {
            co_await yield();
            status.started("ready");
            co_await fail_after(then, "later");
        };
        auto crash = [](task_status<std::string>) -> task<void> { co_await fail_after(0ms, "early"); };
        std::string early;
        std::string value;
        const strings leaves = co_await leaves_of(with_task_group([&](task_group& group) -> task<void> {
            early = co_await message_of(group.start_ready(crash));
            value = co_await group.start_ready(serve, 1ms);
            co_await sleep(24h);
        }));
        CHECK(early == "early");
        CHECK(value == "ready");
        CHECK(leaves == strings{"later"});
    });
}

TEST_CASE("92: a child that fails wakes a sleeping body at once") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point begin = s.engine.clock();
        const strings leaves = co_await leaves_of(with_task_group([](task_group& group) -> task<void> {
            group.start(fail_after(1s, "crash"));
            co_await sleep(24h);
        }));
        CHECK(leaves == strings{"crash"});
        CHECK(s.engine.clock() == begin + 1s);
    }(s));
}

TEST_CASE("28: a child that cancels its group, or fails, before the body has suspended does not block it") {
    on_every_engine([]() -> task<void> {
        co_await with_task_group([](task_group& group) -> task<void> {
            group.start([&group]() -> task<void> {
                group.cancel();
                co_return;
            });
            group.start(sleep(24h));
            co_await sleep(24h);
        });
        const strings leaves = co_await leaves_of(with_task_group([](task_group& group) -> task<void> {
            group.start([&group]() -> task<void> {
                group.start(fail_after(0ms, "sibling"));
                throw std::runtime_error("first");
                co_return;
            });
            co_return;
        }));
        CHECK(leaves == strings{"first"});
    });
}
