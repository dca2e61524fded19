#include <libasync/coro/cancel_scope.hpp>

#include <doctest/doctest.h>

#include <memory>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<int> number_after(std::chrono::nanoseconds delay, int n) {
    co_await sleep(delay);
    co_return n;
}

task<void> sleep_long() { co_await sleep(24h); }

}  // namespace

TEST_CASE("a scope that is not cancelled gives the result: values, references, nothing") {
    on_every_engine([]() -> task<void> {
        cancel_scope values;
        const std::optional<int> n = co_await values.run(number_after(1ms, 4));
        CHECK(n == 4);
        CHECK_FALSE(values.cancel_called());
        CHECK_FALSE(values.cancelled_caught());

        cancel_scope references;
        int i = 0;
        auto same = [](int& i) -> task<int&> { co_return i; };
        const auto r = co_await references.run(same(i));
        REQUIRE(r.has_value());
        CHECK(&r->get() == &i);

        cancel_scope nothing;
        auto done = []() -> task<void> { co_return; };
        const auto v = co_await nothing.run(done());
        CHECK(v.has_value());

        cancel_scope unique;
        auto made = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); };
        const auto p = co_await unique.run(made());
        REQUIRE(p.has_value());
        CHECK(**p == 3);
    });
}

TEST_CASE("a scope cancelled from outside absorbs its own cancellation and gives nothing") {
    on_every_engine([]() -> task<void> {
        cancel_scope scope;
        auto cancel_soon = [](cancel_scope& scope) -> task<void> {
            co_await yield();
            scope.cancel();
            scope.cancel();
        };
        auto canceller = create_task(cancel_soon(scope));
        const auto got = co_await scope.run(sleep_long());
        CHECK_FALSE(got.has_value());
        CHECK(scope.cancel_called());
        CHECK(scope.cancelled_caught());
        co_await yield();  // the caller goes on undisturbed
        co_await canceller;
    });
}

TEST_CASE("a scope cancelled before its run cancels at the first await, not before") {
    on_every_engine([]() -> task<void> {
        cancel_scope scope;
        scope.cancel();
        bool reached = false;
        bool passed = false;
        auto body = [](bool& reached, bool& passed) -> task<void> {
            reached = true;
            co_await yield();
            passed = true;
        };
        const auto got = co_await scope.run(body(reached, passed));
        CHECK_FALSE(got.has_value());
        CHECK(reached);
        CHECK_FALSE(passed);
    });
}

TEST_CASE("a scope runs once") {
    on_every_engine([]() -> task<void> {
        cancel_scope scope;
        const auto first = co_await scope.run(number_after(0s, 1));
        CHECK(first == 1);
        const bool refused = co_await throws<std::logic_error>(scope.run(number_after(0s, 1)));
        CHECK(refused);
    });
}

TEST_CASE("a scope that was cancelled though the task finished gives the result") {
    on_every_engine([]() -> task<void> {
        cancel_scope scope;
        auto body = [](cancel_scope& scope) -> task<int> {
            scope.cancel();
            co_return 9;
        };
        const auto got = co_await scope.run(body(scope));
        CHECK(got == 9);
        CHECK(scope.cancel_called());
        CHECK_FALSE(scope.cancelled_caught());
    });
}

TEST_CASE("exceptions go through a scope, also those of a clean-up after its cancellation") {
    on_every_engine([]() -> task<void> {
        cancel_scope scope(this_loop().deadline_after(1ms));
        auto body = []() -> task<void> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
                throw std::runtime_error("clean-up broke");
            }
        };
        const std::string what = co_await message_of(scope.run(body()));
        CHECK(what == "clean-up broke");
        CHECK_FALSE(scope.cancelled_caught());
    });
}

TEST_CASE("a cancellation from further out goes through the scope") {
    on_every_engine([]() -> task<void> {
        bool absorbed = false;
        bool own = false;
        auto body = [](bool& absorbed, bool& own) -> task<void> {
            cancel_scope scope;
            try {
                co_await scope.run(sleep_long());
                absorbed = true;
            } catch (const cancelled&) {
                own = scope.cancel_called();
                throw;
            }
        };
        auto handle = create_task(body(absorbed, own));
        co_await yield();
        handle.cancel();
        co_await handle.wait();
        CHECK(handle.cancelled());
        CHECK_FALSE(absorbed);
        CHECK_FALSE(own);
    });
}

TEST_CASE("cancelled itself and from further out, the scope does not absorb") {
    on_every_engine([]() -> task<void> {
        cancel_scope scope;
        bool absorbed = false;
        auto body = [](cancel_scope& scope, bool& absorbed) -> task<void> {
            co_await scope.run(sleep_long());
            absorbed = true;
        };
        auto handle = create_task(body(scope, absorbed));
        co_await yield();
        scope.cancel();
        handle.cancel();
        co_await handle.wait();
        CHECK_FALSE(absorbed);
        CHECK(handle.cancelled());
        CHECK_FALSE(scope.cancelled_caught());
    });
}

TEST_CASE("the deadline cancels at its instant, and a deadline in the past at the first await") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point start = s.engine.clock();
        cancel_scope scope(start + 3s);
        CHECK(scope.deadline() == start + 3s);
        co_await scope.run(sleep_long());
        CHECK(scope.cancelled_caught());
        CHECK(s.engine.clock() == start + 3s);

        cancel_scope late(start + 1s);
        co_await late.run(sleep_long());
        CHECK(late.cancelled_caught());
        CHECK(s.engine.clock() == start + 3s);
        CHECK(s.loop().core().timers.empty());
    }(s));
}

TEST_CASE("a deadline moves either way while the scope runs, and may be taken away") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point start = s.engine.clock();
        cancel_scope sooner(start + 100s);
        s.loop().call_later(1s, [&] { sooner.set_deadline(start + 2s); });
        co_await sooner.run(sleep_long());
        CHECK(s.engine.clock() == start + 2s);

        cancel_scope later(start + 5s);
        s.loop().call_later(1s, [&] { later.set_deadline(start + 50s); });
        co_await later.run(sleep_long());
        CHECK(s.engine.clock() == start + 50s);

        cancel_scope never(start + 51s);
        never.set_deadline(time_point::max());
        const auto got = co_await never.run(number_after(10s, 7));
        CHECK(got == 7);

        cancel_scope at_once;
        s.loop().call_later(1s, [&] { at_once.set_deadline(start); });
        co_await at_once.run(sleep_long());
        CHECK(at_once.cancelled_caught());
        CHECK(s.engine.clock() == start + 61s);
    }(s));
}

TEST_CASE("a shielded scope runs to its end; the cancellation is raised at the next await outside") {
    on_every_engine([]() -> task<void> {
        bool finished = false;
        bool left = false;
        bool passed = false;
        auto body = [](bool& finished, bool& left, bool& passed) -> task<void> {
            cancel_scope scope(time_point::max(), shielding::shielded);
            auto inner = [](bool& finished) -> task<void> {
                co_await sleep(1ms);
                co_await yield();
                finished = true;
            };
            co_await scope.run(inner(finished));
            left = true;
            co_await yield();
            passed = true;
        };
        auto handle = create_task(body(finished, left, passed));
        co_await yield();
        handle.cancel();
        co_await handle.wait();
        CHECK(finished);
        CHECK(left);
        CHECK_FALSE(passed);
        CHECK(handle.cancelled());
    });
}

TEST_CASE("a shielded scope still obeys its own deadline and its own cancel, also when cancelled from outside") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point start = s.engine.clock();
        bool absorbed = false;
        auto body = [](time_point deadline, bool& absorbed) -> task<void> {
            cancel_scope scope(deadline, shielding::shielded);
            co_await scope.run(sleep_long());
            absorbed = scope.cancelled_caught();
        };
        auto handle = create_task(body(start + 5s, absorbed));
        co_await yield();
        handle.cancel();
        co_await handle.wait();
        CHECK(s.engine.clock() == start + 5s);
        CHECK(absorbed);
        CHECK_FALSE(handle.cancelled());
    }(s));
}

TEST_CASE("a shield inside clean-up code can still await") {
    on_every_engine([]() -> task<void> {
        int steps = 0;
        auto body = [](int& steps) -> task<void> {
            std::exception_ptr pending;
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
                pending = std::current_exception();
            }
            auto clean_up = [](int& steps) -> task<void> {
                for (int i = 0; i < 3; ++i) {
                    co_await sleep(100us);
                    ++steps;
                }
            };
            cancel_scope shield(this_loop().deadline_after(10s), shielding::shielded);
            co_await shield.run(clean_up(steps));
            std::rethrow_exception(pending);
        };
        auto handle = create_task(body(steps));
        co_await yield();
        handle.cancel();
        co_await handle.wait();
        CHECK(steps == 3);
        CHECK(handle.cancelled());
    });
}

TEST_CASE("move_on_at and move_on_after give the result or nothing") {
    on_every_engine([]() -> task<void> {
        const auto in_time = co_await move_on_after(10s, number_after(0s, 5));
        CHECK(in_time == 5);
        const auto late = co_await move_on_after(1ms, number_after(24h, 5));
        CHECK_FALSE(late.has_value());
        const auto at = co_await move_on_at(this_loop().deadline_after(1ms), sleep_long());
        CHECK_FALSE(at.has_value());
        const auto operation = co_await move_on_after(1ms, sleep(24h));
        CHECK_FALSE(operation.has_value());
    });
}

namespace {

task<void> note_each(std::vector<std::string>& notes, std::string name) {
    co_await yield();
    notes.push_back(name);
}

}  // namespace

TEST_CASE("a shield that is raised in a cancelled scope lets clean-up await, and lowered it cancels again") {
    on_every_engine([]() -> task<void> {
        std::vector<std::string> notes;
        cancel_scope outer;
        cancel_scope inner;
        auto clean_up = [](cancel_scope& inner, std::vector<std::string>& notes) -> task<void> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
                notes.emplace_back("cancelled");
            }
            CHECK(inner.shield() == shielding::none);
            inner.set_shield(shielding::shielded);
            CHECK(inner.shield() == shielding::shielded);
            co_await note_each(notes, "shielded");
            co_await gather(note_each(notes, "child"), note_each(notes, "child"));
            inner.set_shield(shielding::none);
            co_await note_each(notes, "never");
        };
        auto both = [](cancel_scope& inner, task<void> t) -> task<void> { co_await inner.run(std::move(t)); };
        auto cancel_later = [](cancel_scope& outer) -> task<void> {
            co_await yield();
            outer.cancel();
        };
        co_await gather(outer.run(both(inner, clean_up(inner, notes))), cancel_later(outer));
        CHECK(outer.cancelled_caught());
        CHECK_FALSE(inner.cancelled_caught());
        CHECK(notes == std::vector<std::string>{"cancelled", "shielded", "child", "child"});
    });
}

TEST_CASE("a shield does not keep away what cancelled the scope itself, nor scopes inside that are cancelled") {
    on_every_engine([]() -> task<void> {
        bool ran = false;
        cancel_scope scope;
        auto body = [](cancel_scope& scope, bool& ran) -> task<void> {
            scope.cancel();
            scope.set_shield(shielding::shielded);
            co_await yield();
            ran = true;
        };
        co_await scope.run(body(scope, ran));
        CHECK(scope.cancelled_caught());
        CHECK_FALSE(ran);
    });
}

TEST_CASE("the deadline of a scope that has run cannot be moved") {
    on_every_engine([]() -> task<void> {
        cancel_scope scope;
        scope.set_deadline(this_loop().deadline_after(1h));
        auto nothing = []() -> task<void> { co_return; };
        co_await scope.run(nothing());
        CHECK_THROWS_AS(scope.set_deadline(time_point::max()), std::logic_error);
    });
}
