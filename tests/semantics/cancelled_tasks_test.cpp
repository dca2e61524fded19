// What a cancelled task does with it, and where it goes from there: rows 49 to 52 and 58 of what asyncio, trio and libuv
// promise, in the form that cancellation has here: a level, beaten by completion.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <type_traits>

#include <tests/support/expect.hpp>
#include <tests/support/files.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<void> settle() {
    for (int i = 0; i < 6; ++i) co_await yield();
}

// Sleeps, and notes how that ends: 'c' if cancelled.
task<void> sleep_and_note(std::string& notes) {
    try {
        co_await sleep(24h);
    } catch (const cancelled&) {
        notes += 'c';
        throw;
    }
}

task<void> take_turns(int count) {
    for (int i = 0; i < count; ++i) co_await yield();
}

task<int> join(task_handle<int>& handle) { co_return co_await handle; }

}  // namespace

TEST_CASE("49: a cancellation that is caught does not keep a task from ending as it likes") {
    on_every_engine([]() -> task<void> {
        event first;
        auto catches = [](event& first) -> task<int> {
            co_await first.wait();
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
                co_return 42;
            }
            co_return 0;
        };
        auto handle = create_task(catches(first));
        co_await settle();
        first.set();
        co_await settle();
        handle.cancel();
        const int n = co_await handle;
        CHECK(n == 42);
        CHECK_FALSE(handle.cancelled());
    });
}

TEST_CASE("49: a cancellation that is ignored is raised at every await that follows, without effect of any") {
    on_every_engine([]() -> task<void> {
        event third;
        int refused = 0;
        auto ignores = [](event& third, int& refused) -> task<int> {
            for (int i = 0; i < 3; ++i) {
                try {
                    co_await third.wait();
                    co_return -1;
                } catch (const cancelled&) {
                    ++refused;
                }
            }
            co_return 42;
        };
        auto handle = create_task(ignores(third, refused));
        co_await settle();
        handle.cancel();
        third.set();  // would let the awaits through, were they tried
        const int n = co_await handle;
        CHECK(n == 42);
        CHECK(refused == 3);
    });
}

TEST_CASE("49: a handler of std::exception does not catch a cancellation, and nobody can make one up") {
    static_assert(!std::is_base_of_v<std::exception, cancelled>);
    static_assert(!std::is_default_constructible_v<cancelled>);
    on_every_engine([]() -> task<void> {
        auto careless = []() -> task<int> {
            try {
                co_await sleep(24h);
            } catch (const std::exception&) {
                co_return 1;
            }
            co_return 2;
        };
        auto handle = create_task(careless());
        co_await settle();
        handle.cancel();
        co_await handle.wait();
        CHECK(handle.cancelled());
    });
}

TEST_CASE("50: a cancellation goes down to the innermost await, and unwinds from there") {
    on_every_engine([]() -> task<void> {
        std::string notes;
        auto inner = [](std::string& notes) -> task<void> { co_await sleep_and_note(notes); };
        auto middle = [](auto inner, std::string& notes) -> task<void> {
            try {
                co_await inner(notes);
            } catch (const cancelled&) {
                notes += 'm';
                throw;
            }
        };
        auto outer = [](auto middle, auto inner, std::string& notes) -> task<void> {
            try {
                co_await middle(inner, notes);
            } catch (const cancelled&) {
                notes += 'o';
                throw;
            }
        };
        auto handle = create_task(outer(middle, inner, notes));
        co_await settle();
        handle.cancel();
        co_await handle.wait();
        CHECK(notes == "cmo");
    });
}

TEST_CASE("50: cancelling who joins a task cancels that task, which has ended when the joiner goes on") {
    on_every_engine([]() -> task<void> {
        std::string notes;
        auto inner_body = [](std::string& notes) -> task<int> {
            co_await sleep_and_note(notes);
            co_return 1;
        };
        auto outer_body = [](task_handle<int>& inner, std::string& notes) -> task<void> {
            try {
                co_await inner;
            } catch (const cancelled&) {
                CHECK(inner.cancelled());
                notes += 'o';
                throw;
            }
        };
        auto inner = create_task(inner_body(notes));
        auto outer = create_task(outer_body(inner, notes));
        co_await settle();
        outer.cancel();
        co_await outer.wait();
        CHECK(notes == "co");
        CHECK(outer.cancelled());
    });
}

TEST_CASE("50: cancelling who only watches a task leaves the task alone") {
    on_every_engine([]() -> task<void> {
        event go_on;
        auto number = [](event& go_on) -> task<int> {
            co_await go_on.wait();
            co_return 7;
        };
        auto watch = [](task_handle<int>& h) -> task<void> { co_await h.wait(); };
        auto watched = create_task(number(go_on));
        auto watcher = create_task(watch(watched));
        co_await settle();
        watcher.cancel();
        co_await watcher.wait();
        CHECK(watcher.cancelled());
        CHECK_FALSE(watched.done());
        go_on.set();
        const int n = co_await watched;
        CHECK(n == 7);
    });
}

TEST_CASE("52: what the clean-up throws takes the place of the cancellation, whatever its type") {
    on_every_engine([]() -> task<void> {
        auto fails = []() -> task<int> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
                throw std::runtime_error("clean-up broke");
            }
            co_return 0;
        };
        auto throws_number = []() -> task<int> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
                throw 42;
            }
            co_return 0;
        };
        auto first = create_task(fails());
        auto second = create_task(throws_number());
        co_await settle();
        first.cancel();
        second.cancel();
        const std::string what = co_await message_of(join(first));
        CHECK(what == "clean-up broke");
        CHECK_FALSE(first.cancelled());
        const bool thrown = co_await throws<int>(join(second));
        CHECK(thrown);
        CHECK_FALSE(second.cancelled());
    });
}

TEST_CASE("52: a scope does not absorb what the clean-up throws") {
    on_every_engine([]() -> task<void> {
        cancel_scope scope;
        auto fails = [](cancel_scope& scope) -> task<void> {
            scope.cancel();
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
                throw std::runtime_error("clean-up broke");
            }
        };
        const std::string what = co_await message_of(scope.run(fails(scope)));
        CHECK(what == "clean-up broke");
        CHECK(scope.cancel_called());
        CHECK_FALSE(scope.cancelled_caught());
        co_await yield();  // outside nothing is cancelled
    });
}

TEST_CASE("58: what is under way and cannot be broken off is waited for: the task keeps its memory until then") {
    scripted_runner s;
    s.engine.on_cancel = io::scripted_engine::cancel_policy::scripted;
    counted::reset();
    auto body = [](counted buffer) -> task<std::int64_t> {
        const std::int64_t result = co_await scripted_operation(1);
        static_cast<void>(buffer);
        co_return result;
    };
    auto handle = s.runner.create_task(body(counted(1)));
    s.turns(1);
    handle.cancel();
    handle.cancel();
    CHECK(s.engine.cancels() == 1);
    s.turns(5);
    CHECK_FALSE(handle.done());
    CHECK(counted::alive() == 1);
    SUBCASE("and has its result, if it comes") {
        s.finish(1, 5);
        s.turns(2);
        CHECK(handle.result() == 5);
    }
    SUBCASE("and is cancelled, if it is broken off after all") {
        s.finish(1, 0, io::error_cancelled);
        s.turns(2);
        CHECK(handle.cancelled());
    }
    CHECK(counted::alive() == 0);
}

TEST_CASE("58: asked to stop by two scopes, or from outside and by its own, an operation is asked once") {
    scripted_runner s;
    s.engine.on_cancel = io::scripted_engine::cancel_policy::scripted;
    cancel_scope inner;
    std::string notes;
    auto operate = [](std::string& notes) -> task<void> {
        try {
            co_await scripted_operation(1);
        } catch (const cancelled&) {
            notes += 'c';
            throw;
        }
    };
    auto body = [](auto operate, cancel_scope& inner, std::string& notes) -> task<void> {
        co_await inner.run(operate(notes));
        notes += 'x';
    };
    auto handle = s.runner.create_task(body(operate, inner, notes));
    s.turns(1);
    inner.cancel();
    handle.cancel();
    inner.cancel();
    CHECK(s.engine.cancels() == 1);
    s.turns(3);
    CHECK(notes.empty());
    s.finish(1, 0, io::error_cancelled);
    s.turns(2);
    CHECK(notes == "c");
    CHECK(handle.cancelled());
}

TEST_CASE("58: asked to stop before a shield was put up, what waits stops all the same; what follows it does not") {
    scripted_runner s;
    s.engine.on_cancel = io::scripted_engine::cancel_policy::scripted;
    cancel_scope outer;
    cancel_scope inner;
    std::string notes;
    auto body = [](cancel_scope& inner, std::string& notes) -> task<void> {
        auto inside = [](std::string& notes) -> task<void> {
            try {
                co_await scripted_operation(1);
            } catch (const cancelled&) {
                notes += 'c';
            }
            co_await yield();
            notes += 'd';
        };
        co_await inner.run(inside(notes));
    };
    auto run = [](auto body, cancel_scope& outer, cancel_scope& inner, std::string& notes) -> task<void> {
        co_await outer.run(body(inner, notes));
    };
    auto handle = s.runner.create_task(run(body, outer, inner, notes));
    s.turns(1);
    outer.cancel();
    CHECK(s.engine.cancels() == 1);
    inner.set_shield(shielding::shielded);
    s.turns(2);
    CHECK(notes.empty());
    s.finish(1, 0, io::error_cancelled);
    s.turns(4);
    CHECK(notes == "cd");
    CHECK(handle.done());
}

TEST_CASE("58: work on a file that is cancelled ends with its result or not at all, and the file is good") {
    async::run([]() -> task<void> {
        const temporary_directory directory;
        const std::string path = directory / "file";
        co_await write_file(path, "the content");
        file f = co_await file::open(path);
        for (int delay = 0; delay < 10; ++delay) {
            std::string memory(11, '.');
            auto read = [](file& f, std::string& memory) -> task<std::size_t> {
                co_return co_await f.read_at(std::as_writable_bytes(std::span(memory)), 0);
            };
            auto reading = create_task(read(f, memory));
            co_await take_turns(delay);
            reading.cancel();
            co_await reading.wait();
            if (!reading.cancelled()) {
                CHECK(reading.result() == 11);
                CHECK(memory == "the content");
            } else if (delay == 0) {
                CHECK(memory == "...........");
            }
            const std::size_t again = co_await read(f, memory);
            CHECK(again == 11);
            CHECK(memory == "the content");
        }
        co_await f.close();
    }());
}
