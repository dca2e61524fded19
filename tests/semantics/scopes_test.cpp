// Scopes, levels and shields: row 53 of what trio and anyio promise.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<void> settle() {
    for (int i = 0; i < 6; ++i) co_await yield();
}

task<void> sleep_long() { co_await sleep(24h); }

// Sleeps, and notes how that ends: 'c' if cancelled.
task<void> sleep_and_note(std::string& notes) {
    try {
        co_await sleep(24h);
    } catch (const cancelled&) {
        notes += 'c';
        throw;
    }
}

// An await that begins and ends in the same scope, and whether it was refused.
task<bool> next_await_is_refused() {
    try {
        co_await yield();
    } catch (const cancelled&) {
        co_return true;
    }
    co_return false;
}

task<void> take_turns(int count) {
    for (int i = 0; i < count; ++i) co_await yield();
}

}  // namespace

TEST_CASE("53: two cancels are one, and every await in the scope raises until it is left") {
    on_every_engine([]() -> task<void> {
        cancel_scope scope;
        int raised = 0;
        auto body = [](cancel_scope& scope, int& raised) -> task<void> {
            scope.cancel();
            scope.cancel();
            for (int i = 0; i < 2; ++i) {
                try {
                    co_await sleep(24h);
                } catch (const cancelled&) {
                    ++raised;
                }
            }
            co_await sleep(24h);
        };
        co_await scope.run(body(scope, raised));
        CHECK(raised == 2);
        CHECK(scope.cancel_called());
        CHECK(scope.cancelled_caught());
        co_await yield();
    });
}

TEST_CASE("53: of nested scopes that are cancelled together the outer one absorbs") {
    on_every_engine([]() -> task<void> {
        for (const bool inner_first : {true, false}) {
            cancel_scope outermost;
            cancel_scope middle;
            cancel_scope inner;
            auto innermost_body = [](cancel_scope& first, cancel_scope& second) -> task<void> {
                first.cancel();
                second.cancel();
                co_await sleep(24h);
            };
            auto middle_body = [](auto body, cancel_scope& inner, cancel_scope& first,
                                  cancel_scope& second) -> task<void> { co_await inner.run(body(first, second)); };
            auto outer_body = [](auto middle_body, auto body, cancel_scope& middle, cancel_scope& inner,
                                 cancel_scope& first, cancel_scope& second) -> task<void> {
                co_await middle.run(middle_body(body, inner, first, second));
            };
            co_await outermost.run(outer_body(middle_body, innermost_body, middle, inner, inner_first ? inner : middle,
                                              inner_first ? middle : inner));
            CHECK(inner.cancel_called());
            CHECK_FALSE(inner.cancelled_caught());
            CHECK(middle.cancel_called());
            CHECK(middle.cancelled_caught());
            CHECK_FALSE(outermost.cancel_called());
            CHECK_FALSE(outermost.cancelled_caught());
        }
    });
}

TEST_CASE("53: a cancellation that nobody met is gone with its scope") {
    on_every_engine([]() -> task<void> {
        cancel_scope scope;
        auto body = [](cancel_scope& scope) -> task<void> {
            scope.cancel();
            co_return;
        };
        co_await scope.run(body(scope));
        CHECK_FALSE(scope.cancelled_caught());
        const bool refused = co_await next_await_is_refused();
        CHECK_FALSE(refused);
    });
}

TEST_CASE("53: a cancellation reaches everything below at once, over scopes, gathered tasks and their children") {
    on_every_engine([]() -> task<void> {
        std::string notes;
        auto worker = [](std::string& notes) -> task<void> {
            co_await gather(sleep_and_note(notes), sleep_and_note(notes));
        };
        auto all = [](auto worker, std::string& notes) -> task<void> {
            auto in_scope = [](auto worker, std::string& notes) -> task<void> {
                cancel_scope scope;
                co_await scope.run(worker(notes));
            };
            co_await gather(worker(notes), in_scope(worker, notes));
        };
        auto handle = create_task(all(worker, notes));
        co_await settle();
        handle.cancel();
        co_await handle.wait();
        CHECK(notes == "cccc");
        CHECK(handle.cancelled());
    });
}

TEST_CASE("53: a shield keeps out what comes from outside, not what is cancelled inside, nor its own cancellation") {
    on_every_engine([]() -> task<void> {
        std::string notes;
        cancel_scope outer;
        auto inside_the_inner = [](cancel_scope& own, std::string& notes) -> task<void> {
            const bool refused = co_await next_await_is_refused();
            notes += refused ? 'x' : '1';
            cancel_scope innermost;
            innermost.cancel();
            co_await innermost.run(sleep_long());
            notes += innermost.cancelled_caught() ? '2' : 'x';
            co_await yield();
            own.cancel();
            co_await yield();
            notes += 'x';
        };
        auto body = [](cancel_scope& outer, auto inside, std::string& notes) -> task<void> {
            outer.cancel();
            bool refused = co_await next_await_is_refused();
            notes += refused ? '0' : 'x';
            cancel_scope shield(time_point::max(), shielding::shielded);
            co_await shield.run(inside(shield, notes));
            notes += shield.cancelled_caught() ? '3' : 'x';
            refused = co_await next_await_is_refused();
            notes += refused ? '4' : 'x';
        };
        co_await outer.run(body(outer, inside_the_inner, notes));
        CHECK(notes == "01234");
    });
}

TEST_CASE("53: a shield is put up and taken down inside a cancelled scope, each time for the awaits that follow") {
    on_every_engine([]() -> task<void> {
        std::string notes;
        cancel_scope outer;
        auto inside = [](cancel_scope& outer, cancel_scope& inner, std::string& notes) -> task<void> {
            const auto note_next = [&notes]() -> task<void> {
                const bool refused = co_await next_await_is_refused();
                notes += refused ? 'r' : '.';
            };
            co_await note_next();
            outer.cancel();
            co_await note_next();
            CHECK(inner.shield() == shielding::none);
            inner.set_shield(shielding::shielded);
            CHECK(inner.shield() == shielding::shielded);
            co_await note_next();
            co_await note_next();
            inner.set_shield(shielding::none);
            co_await note_next();
            inner.set_shield(shielding::shielded);
            co_await note_next();
            inner.cancel();
            co_await note_next();
            co_await yield();
        };
        auto body = [](auto inside, cancel_scope& outer, std::string& notes) -> task<void> {
            cancel_scope inner;
            co_await inner.run(inside(outer, inner, notes));
            notes += inner.cancelled_caught() ? 'a' : 'x';
            co_await yield();
        };
        co_await outer.run(body(inside, outer, notes));
        CHECK(notes == ".r..r.ra");
        CHECK(outer.cancelled_caught());
    });
}

TEST_CASE("53: when a shield is taken down, what waits behind it is cancelled where it waits") {
    on_every_engine([]() -> task<void> {
        std::string notes;
        cancel_scope outer;
        cancel_scope shield(time_point::max(), shielding::shielded);
        auto body = [](cancel_scope& shield, std::string& notes) -> task<void> {
            auto both = [](std::string& notes) -> task<void> {
                co_await gather(sleep_and_note(notes), sleep_and_note(notes));
            };
            co_await shield.run(both(notes));
        };
        auto run = [](auto body, cancel_scope& outer, cancel_scope& shield, std::string& notes) -> task<void> {
            co_await outer.run(body(shield, notes));
        };
        auto handle = create_task(run(body, outer, shield, notes));
        co_await settle();
        outer.cancel();
        co_await settle();
        CHECK(notes.empty());
        shield.set_shield(shielding::none);
        CHECK(notes.empty());
        co_await handle;
        CHECK(notes == "cc");
        CHECK(outer.cancelled_caught());
        CHECK_FALSE(shield.cancelled_caught());
    });
}

TEST_CASE("53: a cancellation on its way out is not stopped by a shield that is put up behind it") {
    on_every_engine([]() -> task<void> {
        cancel_scope outer;
        bool absorbed_inside = true;
        auto body = [](cancel_scope& outer, bool& absorbed_inside) -> task<void> {
            cancel_scope inner;
            auto inside = [](cancel_scope& outer, cancel_scope& inner) -> task<void> {
                outer.cancel();
                try {
                    co_await yield();
                } catch (const cancelled&) {
                    inner.set_shield(shielding::shielded);
                    throw;
                }
            };
            try {
                co_await inner.run(inside(outer, inner));
            } catch (const cancelled&) {
                absorbed_inside = inner.cancelled_caught();
                throw;
            }
        };
        co_await outer.run(body(outer, absorbed_inside));
        CHECK(outer.cancelled_caught());
        CHECK_FALSE(absorbed_inside);
    });
}

TEST_CASE("53: clean-up behind a shield has its own deadline, and the cancellation goes on after it") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point start = s.engine.clock();
        std::string notes;
        auto body = [](std::string& notes) -> task<void> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
                notes += 'c';
            }
            cancel_scope shield(this_loop().deadline_after(3s), shielding::shielded);
            co_await shield.run(sleep_long());
            notes += shield.cancelled_caught() ? 'd' : 'x';
            co_await yield();
            notes += 'x';
        };
        auto handle = create_task(body(notes));
        co_await yield();
        handle.cancel();
        co_await handle.wait();
        CHECK(notes == "cd");
        CHECK(handle.cancelled());
        CHECK(s.engine.clock() == start + 3s);
    }(s));
}

TEST_CASE("53: an await that was refused because of its scope is refused no more when the scope is left") {
    on_every_engine([]() -> task<void> {
        for (int i = 0; i < 3; ++i) {
            cancel_scope scope;
            scope.cancel();
            const auto nothing = co_await scope.run(sleep_long());
            CHECK_FALSE(nothing.has_value());
            CHECK(scope.cancelled_caught());
            co_await yield();
        }
    });
}

TEST_CASE("53: a scope may be cancelled before it is entered, and after it was left; it is entered once") {
    on_every_engine([]() -> task<void> {
        cancel_scope before;
        before.cancel();
        CHECK(before.cancel_called());
        CHECK_FALSE(before.cancelled_caught());
        co_await before.run(sleep_long());
        CHECK(before.cancelled_caught());

        cancel_scope after;
        co_await after.run(take_turns(1));
        after.cancel();
        co_await yield();
        CHECK(after.cancel_called());
        CHECK_FALSE(after.cancelled_caught());
        const bool again = co_await throws<std::logic_error>(after.run(take_turns(1)));
        CHECK(again);
    });
}

TEST_CASE("53: a scope that one task is in cannot be entered by another, nor again by the same") {
    on_every_engine([]() -> task<void> {
        cancel_scope scope;
        auto enter = [](cancel_scope& scope) -> task<void> { co_await scope.run(sleep_long()); };
        auto inside = create_task(enter(scope));
        co_await settle();
        const bool refused = co_await throws<std::logic_error>(enter(scope));
        CHECK(refused);
        CHECK_FALSE(inside.done());
        scope.cancel();
        co_await inside;

        cancel_scope twice;
        const bool nested = co_await throws<std::logic_error>(twice.run(enter(twice)));
        CHECK(nested);
        CHECK_FALSE(twice.cancel_called());
    });
}
