#include <libasync/coro/context_var.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <libasync/coro/task_group.hpp>
#include <libasync/testing/allocations.hpp>

#include <tests/support/end_of_thread.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/foreign_coroutine.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

const context_var<std::string> name{"name"};
const context_var<int> level{"level", 7};

template <class F>
std::string message_of_call(F f) {
    try {
        f();
    } catch (const std::exception& e) {
        return e.what();
    }
    return {};
}

task<std::string> name_here() { co_return name.get_or("-"); }

task<void> note_name(std::string& notes) {
    notes += name.get_or("-");
    co_return;
}

}  // namespace

TEST_CASE("a variable without a value and a default says so, with its name") {
    CHECK_THROWS_AS(static_cast<void>(name.get()), std::logic_error);
    CHECK(message_of_call([] { static_cast<void>(name.get()); }) ==
          "context_var 'name': it has no value here, and no default");
    CHECK(name.get_or("other") == "other");
    CHECK(level.get() == 7);
    CHECK(level.get_or(3) == 3);
    CHECK(name.name() == "name");
}

TEST_CASE("set gives a value, and its token the one before, or none") {
    on_every_engine([]() -> task<void> {
        auto first = name.set("a");
        auto second = name.set("b");
        auto third = level.set(1);
        CHECK(name.get() == "b");
        CHECK(name.get_or("-") == "b");
        name.reset(std::move(second));
        CHECK(name.get() == "a");
        name.reset(std::move(first));
        CHECK(name.get_or("-") == "-");
        CHECK(level.get() == 1);
        level.reset(std::move(third));
        CHECK(level.get() == 7);
        co_return;
    });
}

TEST_CASE("tokens may be given back in any order") {
    on_every_engine([]() -> task<void> {
        auto first = level.set(1);
        auto second = level.set(2);
        level.reset(std::move(first));
        CHECK(level.get() == 7);
        level.reset(std::move(second));
        CHECK(level.get() == 1);
        co_return;
    });
}

TEST_CASE("a token is used once, for its own variable, in its own task") {
    on_every_engine([]() -> task<void> {
        auto token = level.set(1);
        context_var<int>::token moved(std::move(token));
        CHECK(message_of_call([&] { level.reset(std::move(token)); }) ==
              "context_var 'level': the token was used before");
        const context_var<int> other{"other"};
        CHECK(message_of_call([&] { other.reset(std::move(moved)); }) ==
              "context_var 'other': the token is of another variable");
        auto child = [](context_var<int>::token& token) -> task<void> {
            CHECK(level.get() == 1);
            CHECK_THROWS_AS(level.reset(std::move(token)), std::invalid_argument);
            static_cast<void>(level.set(3));
            CHECK_THROWS_AS(level.reset(std::move(token)), std::invalid_argument);
            CHECK(level.get() == 3);
            co_return;
        };
        co_await create_task(child(moved));
        CHECK(level.get() == 1);
        level.reset(std::move(moved));
        CHECK(level.get() == 7);
        CHECK_THROWS_AS(level.reset(std::move(moved)), std::logic_error);
    });
}

TEST_CASE("a task begins with what its creator had when it created it") {
    on_every_engine([]() -> task<void> {
        static_cast<void>(name.set("a"));
        auto first = create_task(name_here());
        static_cast<void>(name.set("b"));
        auto second = create_task(name_here());
        static_cast<void>(name.set("c"));
        const std::string seen_by_first = co_await first;
        const std::string seen_by_second = co_await second;
        CHECK(seen_by_first == "a");
        CHECK(seen_by_second == "b");
    });
}

TEST_CASE("what a task changes is not seen by its creator and siblings, but by what it starts and awaits") {
    on_every_engine([]() -> task<void> {
        static_cast<void>(name.set("top"));
        auto child = [](std::string own) -> task<std::string> {
            co_await yield();
            static_cast<void>(name.set(own));
            co_await yield();
            const std::string awaited = co_await name_here();
            const std::string started = co_await create_task(name_here());
            co_return name.get() + awaited + started;
        };
        auto [a, b] = co_await gather(child("a"), child("b"));
        CHECK(a == "aaa");
        CHECK(b == "bbb");
        CHECK(name.get() == "top");
        co_await with_task_group([&child](task_group& group) -> task<void> {
            auto c = group.start(child("c"));
            const std::string seen = co_await c;
            CHECK(seen == "ccc");
            CHECK(name.get() == "top");
        });
    });
}

TEST_CASE("the tasks of a gathered vector begin with what holds where they are gathered, each for itself") {
    on_every_engine([]() -> task<void> {
        auto child = [](std::string own) -> task<std::string> {
            std::string seen = name.get_or("-");
            static_cast<void>(name.set(own));
            co_await yield();
            co_return seen + name.get();
        };
        static_cast<void>(name.set("top"));
        std::vector<task<std::string>> children;
        for (const char* own : {"a", "b", "c"}) children.push_back(child(own));
        const auto seen = co_await gather(std::move(children));
        CHECK(seen == std::vector<std::string>{"topa", "topb", "topc"});
        CHECK(name.get() == "top");
    });
}

TEST_CASE("a change in a function that is awaited is one of its task") {
    on_every_engine([]() -> task<void> {
        auto change = []() -> task<void> {
            co_await yield();
            static_cast<void>(name.set("changed"));
        };
        co_await change();
        CHECK(name.get() == "changed");
    });
}

TEST_CASE("scoped gives a value until the end of the block") {
    on_every_engine([]() -> task<void> {
        {
            const auto outer = name.scoped("outer");
            {
                const auto inner = name.scoped("inner");
                co_await yield();
                CHECK(name.get() == "inner");
            }
            CHECK(name.get() == "outer");
        }
        CHECK(name.get_or("-") == "-");
    });
}

TEST_CASE("the end of a scope takes no other variable back, and needs no memory") {
    on_every_engine([]() -> task<void> {
        static_cast<void>(level.set(1));
        std::optional<async::testing::fail_allocation> without_memory;
        auto token = [&] {
            const auto outer = name.scoped("outer");
            const auto inner = name.scoped("inner");
            auto set = level.set(2);
            without_memory.emplace(0, async::testing::how::from_here_on);
            return set;
        }();
        without_memory.reset();
        CHECK(name.get_or("-") == "-");
        CHECK(level.get() == 2);
        const std::string seen = co_await create_task(name_here());
        CHECK(seen == "-");
        static_cast<void>(level.set(3));
        CHECK(name.get_or("-") == "-");
        static_cast<void>(name.set("again"));
        CHECK(level.get() == 3);
        level.reset(std::move(token));
        CHECK(level.get() == 1);
        CHECK(name.get() == "again");
    });
}

TEST_CASE("scopes that end in another order than they began take back each its own") {
    on_every_engine([]() -> task<void> {
        struct held {
            context_var<std::string>::scope inside = name.scoped("outer");
        };
        auto outer = std::make_unique<held>();
        {
            const auto inner = level.scoped(2);
            outer.reset();
            CHECK(name.get_or("-") == "-");
            CHECK(level.get() == 2);
        }
        CHECK(level.get() == 7);
        CHECK(name.get_or("-") == "-");
        co_return;
    });
}

TEST_CASE("a scope that ends in another task does nothing there") {
    on_every_engine([]() -> task<void> {
        struct held {
            context_var<std::string>::scope inside = name.scoped("of the child");
        };
        std::unique_ptr<held> from_child;
        auto child = [](std::unique_ptr<held>& out) -> task<void> {
            out = std::make_unique<held>();
            co_return;
        };
        static_cast<void>(name.set("own"));
        co_await create_task(child(from_child));
        static_cast<void>(name.set("own, changed"));
        from_child.reset();
        CHECK(name.get() == "own, changed");
    });
}

TEST_CASE("main begins with the values of its thread, whose own it does not change") {
    std::thread([] {
        const auto scope = name.scoped("thread");
        auto main = []() -> task<std::string> {
            std::string before = name.get();
            static_cast<void>(name.set("main"));
            co_return before;
        };
        CHECK(async::run(main()) == "thread");
        CHECK(name.get() == "thread");
        std::string seen;
        std::thread([&seen] { seen = name.get_or("-"); }).join();
        CHECK(seen == "-");
    }).join();
    CHECK(name.get_or("-") == "-");
}

TEST_CASE("the values of a thread end with it") {
    counted::reset();
    static const context_var<counted> object{"object"};
    std::thread([] {
        static_cast<void>(object.set(counted(1)));
        CHECK(object.get().value == 1);
    }).join();
    CHECK(counted::alive() == 0);
}

TEST_CASE("what is destroyed at the end of a thread, after the values of that, finds none") {
    std::string seen = "not looked";
    bool points_nowhere = false;
    auto look = [&] {
        seen = name.get_or("-");
        points_nowhere = detail::values_here() == nullptr;
    };
    std::thread([&look] {
        static thread_local at_end_of_thread first_made;  // and so the last to go
        first_made.call = look;
        static_cast<void>(name.set("a value of the thread"));
        CHECK(name.get() == "a value of the thread");
    }).join();
    CHECK(seen == "-");
    CHECK(points_nowhere);
}

TEST_CASE("a callback runs with what held where it was given, and what it changes ends with it") {
    on_every_engine([]() -> task<void> {
        std::string notes;
        auto note = [&notes] {
            notes += name.get_or("-");
            static_cast<void>(name.set("changed"));
        };
        loop& l = this_loop();
        static_cast<void>(name.set("a"));
        l.call_soon(note);
        static_cast<void>(name.set("b"));
        l.post(note);
        static_cast<void>(name.set("c"));
        l.call_later(0ms, note);
        static_cast<void>(name.set("d"));
        notifier n(l, note);
        static_cast<void>(name.set("e"));
        async::timer t(l, note);
        static_cast<void>(name.set("f"));
        for (int i = 0; i < 5; ++i) co_await yield();
        n.notify();
        for (int i = 0; i < 5; ++i) co_await yield();
        for (int i = 0; i < 2; ++i) {
            t.set_after(0ms);
            while (t.pending()) co_await yield();
        }
        std::sort(notes.begin(), notes.begin() + 3);
        CHECK(notes == "abcdee");
        CHECK(name.get() == "f");
    });
}

TEST_CASE("a callback of the end of a task runs with what held where it was added") {
    on_every_engine([]() -> task<void> {
        std::string notes;
        auto child = []() -> task<void> {
            static_cast<void>(name.set("child"));
            co_await yield();
        };
        static_cast<void>(name.set("a"));
        auto handle = create_task(child());
        static_cast<void>(name.set("b"));
        handle.add_done_callback([&notes] { notes += name.get(); });
        static_cast<void>(name.set("c"));
        handle.add_done_callback([&notes] { notes += name.get(); });
        static_cast<void>(name.set("d"));
        co_await handle;
        handle.add_done_callback([&notes] { notes += name.get(); });
        for (int i = 0; i < 3; ++i) co_await yield();
        CHECK(notes == "bcd");
    });
}

TEST_CASE("a task that a callback starts has the values of the callback") {
    on_every_engine([]() -> task<void> {
        std::string notes;
        static_cast<void>(name.set("a"));
        this_loop().call_soon([&notes] {
            static_cast<void>(name.set(name.get() + "b"));
            create_task(note_name(notes));
        });
        for (int i = 0; i < 4; ++i) co_await yield();
        CHECK(notes == "ab");
    });
}

TEST_CASE("a post from another thread brings the values of that thread") {
    runner r;
    std::string seen;
    bool called = false;
    std::thread([&] {
        const auto scope = name.scoped("poster");
        r.loop().post([&] {
            seen = name.get_or("-");
            called = true;
        });
    }).join();
    while (!called) r.turn(turn::wait);
    CHECK(seen == "poster");
}

TEST_CASE("in a coroutine that is no task the values of the thread hold") {
    std::thread([] {
        const auto scope = name.scoped("thread");
        std::string notes;
        auto foreign = [](std::string& notes) -> foreign_coroutine {
            notes += name.get() + ",";
            co_await yield();
            notes += name.get() + ",";
            static_cast<void>(create_task(note_name(notes)));
        };
        scripted_runner s;
        std::optional<foreign_coroutine> started;
        s.loop().call_soon([&] {
            static_cast<void>(name.set("callback"));
            started.emplace(foreign(notes));
        });
        s.turns(4);
        CHECK(notes == "callback,thread,thread");
    }).join();
}

TEST_CASE("values live as long as somebody holds them") {
    counted::reset();
    static const context_var<counted> object{"object"};
    on_every_engine([]() -> task<void> {
        task_handle<void> handle;  // of a task that has ended: it holds nothing
        {
            const auto scope = object.scoped(counted(1));
            auto child = []() -> task<void> {
                co_await yield();
                co_await yield();
                CHECK(object.get().value == 1);
            };
            handle = create_task(child());
            CHECK(counted::alive() == 1);
            co_await yield();
            handle.add_done_callback([] { CHECK(object.get().value == 1); });
        }
        CHECK(counted::alive() == 1);
        for (int i = 0; i < 6; ++i) co_await yield();
        CHECK(counted::alive() == 0);
        auto call = this_loop().call_later(1h, [] {});
        {
            const auto scope = object.scoped(counted(2));
            call = this_loop().call_later(1h, [] {});
        }
        CHECK(counted::alive() == 1);
        call.cancel();
        CHECK(counted::alive() == 0);
    });
    CHECK(counted::alive() == 0);
}

TEST_CASE("a value may use the variable when it is destroyed") {
    struct looks {
        explicit looks(std::string* to) : out(to) {}
        looks(const looks&) = default;
        ~looks() { *out = name.get_or("-"); }
        std::string* out;
    };
    static const context_var<std::shared_ptr<looks>> object{"object"};
    on_every_engine([]() -> task<void> {
        std::string seen;
        static_cast<void>(name.set("here"));
        static_cast<void>(object.set(std::make_shared<looks>(&seen)));
        static_cast<void>(object.set(nullptr));
        CHECK(seen == "here");
        co_return;
    });
}

TEST_CASE("many variables hold side by side") {
    on_every_engine([]() -> task<void> {
        std::vector<std::unique_ptr<context_var<int>>> variables;
        for (int i = 0; i < 50; ++i) variables.push_back(std::make_unique<context_var<int>>("v"));
        for (int round = 0; round < 3; ++round) {
            for (int i = 0; i < 50; ++i) static_cast<void>(variables[static_cast<std::size_t>(i)]->set(i * round));
        }
        auto sum = [](const auto& variables) -> task<int> {
            int total = 0;
            for (const auto& v : variables) total += v->get();
            co_return total;
        };
        const int total = co_await create_task(sum(variables));
        CHECK(total == 2 * 49 * 50 / 2);
    });
}
