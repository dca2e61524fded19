// Time-outs inside time-outs: row 74 of what asyncio promises. Where limits have expired together the outermost
// converts, also if a busy loop found that out late; asyncio may then take the inner one first.
#include <doctest/doctest.h>

#include <string>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/system.hpp>

using namespace async_tests;

namespace {

task<void> sleep_long() { co_await sleep(24h); }

// Runs `t`, and notes how it ends: 't' for a time-out, 'c' if cancelled, '.' otherwise.
template <class T>
task<void> note_the_end(task<T> t, std::string& notes) {
    try {
        static_cast<void>(co_await std::move(t));
        notes += '.';
    } catch (const timeout_error&) {
        notes += 't';
        throw;
    } catch (const cancelled&) {
        notes += 'c';
        throw;
    }
}

}  // namespace

TEST_CASE("74: of nested limits that are due together the outermost converts, though all have expired") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        std::string notes;
        const time_point when = s.engine.clock() + 1s;
        cancel_scope outer(when);
        cancel_scope inner(when);
        auto body = [](cancel_scope& inner) -> task<void> {
            co_await inner.run(sleep_long());
            FAIL("the inner scope absorbed what was meant for the outer one too");
        };
        co_await outer.run(body(inner));
        CHECK(outer.cancelled_caught());
        CHECK(inner.cancel_called());
        CHECK_FALSE(inner.cancelled_caught());

        const time_point then = when + 1s;
        const bool late = co_await throws<timeout_error>(
            timeout_at(then, note_the_end(timeout_at(then, note_the_end(sleep_long(), notes)), notes)));
        CHECK(late);
        CHECK(notes == "cc");
    }(s));
}

TEST_CASE("74: an outer limit that is due first is not taken for the inner one, however busy the loop was") {
    async::run([]() -> task<void> {
        std::string notes;
        auto busy = []() -> task<void> {
            work_for(this_engine(), 1ms);
            co_await sleep(24h);
        };
        const bool late = co_await throws<timeout_error>(timeout(200us, note_the_end(timeout(1h, busy()), notes)));
        CHECK(late);
        CHECK(notes == "c");
    }());
}

TEST_CASE("74: limits that pass in one long step have expired together: the outermost converts, whichever was first") {
    async::run([]() -> task<void> {
        std::string notes;
        auto busy = []() -> task<void> {
            work_for(this_engine(), 3ms);
            co_await sleep(24h);
        };
        const bool late = co_await throws<timeout_error>(timeout(2ms, note_the_end(timeout(1ms, busy()), notes)));
        CHECK(late);
        CHECK(notes == "c");
    }());
}

TEST_CASE("74: an inner limit that is due alone converts, and the outer one is still to come") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point start = s.engine.clock();
        std::string notes;
        auto body = [](std::string& notes) -> task<void> {
            const bool late = co_await throws<timeout_error>(timeout(1s, sleep_long()));
            notes += late ? 'i' : 'x';
            co_await sleep(24h);
        };
        const bool late = co_await throws<timeout_error>(timeout(2s, note_the_end(body(notes), notes)));
        CHECK(late);
        CHECK(notes == "ic");
        CHECK(s.engine.clock() == start + 2s);
    }(s));
}

TEST_CASE("74: a limit inside the clean-up of a time-out needs a shield; without one it is cut short at once") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point start = s.engine.clock();
        std::string notes;
        auto clean_up = [](std::string& notes, shielding how) -> task<void> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
            }
            cancel_scope shield(time_point::max(), how);
            co_await shield.run([](std::string& notes) -> task<void> {
                const bool late = co_await throws<timeout_error>(timeout(1s, note_the_end(sleep_long(), notes)));
                notes += late ? 't' : 'x';
            }(notes));
            co_await yield();
        };
        bool late = co_await throws<timeout_error>(timeout(1s, clean_up(notes, shielding::none)));
        CHECK(late);
        CHECK(notes == "c");
        CHECK(s.engine.clock() == start + 1s);
        notes.clear();
        late = co_await throws<timeout_error>(timeout(1s, clean_up(notes, shielding::shielded)));
        CHECK(late);
        CHECK(notes == "ct");
        CHECK(s.engine.clock() == start + 3s);
    }(s));
}
