// close(): the body is told to end, may await its clean-up, and is waited for.
#include <libasync/coro/generator.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

// Notes each step of its clean-up, which awaits.
generator<int> with_clean_up(std::string& notes) {
    bool told = false;
    try {
        for (int i = 0;; ++i) {
            co_yield i;
            notes += '.';
        }
    } catch (const cancelled&) {
        told = true;
        notes += 'c';
    }
    if (!told) co_return;
    co_await yield();
    notes += 'y';
    co_await sleep(1us);
    notes += 's';
}

generator<int> without_clean_up(std::string& notes) {
    struct note {
        std::string& notes;
        explicit note(std::string& n) : notes(n) {}
        ~note() { notes += 'd'; }
    };
    const note end(notes);
    for (int i = 0;; ++i) co_yield i;
}

task<void> ask(generator<int>& gen, int times) {
    for (int i = 0; i < times; ++i) {
        const std::optional<int> item = co_await gen.next();
        CHECK(item == i);
    }
}

task<void> close_it(generator<int>& gen) { co_await gen.close(); }

task<void> must_be_over(generator<int>& gen) {
    const std::optional<int> end = co_await gen.next();
    CHECK_FALSE(end.has_value());
}

}  // namespace

TEST_CASE("close raises cancelled at the co_yield, waits for the clean-up, and leaves the generator over") {
    on_every_engine([]() -> task<void> {
        std::string notes;
        auto gen = with_clean_up(notes);
        co_await ask(gen, 2);
        CHECK(notes == ".");
        co_await gen.close();
        CHECK(notes == ".cys");
        co_await must_be_over(gen);
    });
}

TEST_CASE("close of a body that does not catch: it is unwound, and close throws nothing") {
    on_every_engine([]() -> task<void> {
        std::string notes;
        auto gen = without_clean_up(notes);
        co_await ask(gen, 3);
        co_await gen.close();
        CHECK(notes == "d");
        co_await must_be_over(gen);
    });
}

TEST_CASE("close of a generator that was never asked destroys it; its body never runs") {
    on_every_engine([]() -> task<void> {
        counted::reset();
        auto body = [](counted) -> generator<int> {
            FAIL("it runs");
            co_yield 1;
        };
        auto gen = body(counted(1));
        CHECK(counted::alive() == 1);
        co_await gen.close();
        CHECK(counted::alive() == 0);
        co_await must_be_over(gen);
    });
}

TEST_CASE("close may be repeated, and does nothing when the body has ended or the generator was moved from") {
    on_every_engine([]() -> task<void> {
        std::string notes;
        auto gen = with_clean_up(notes);
        co_await ask(gen, 1);
        co_await gen.close();
        co_await gen.close();
        CHECK(notes == "cys");

        auto two = []() -> generator<int> {
            co_yield 0;
            co_yield 1;
        };
        auto ended = two();
        co_await ask(ended, 2);
        co_await must_be_over(ended);
        co_await ended.close();
        auto broken = []() -> generator<int> {
            co_yield 0;
            throw std::runtime_error("broke");
        };
        auto failed = broken();
        co_await ask(failed, 1);
        const std::string message = co_await message_of(failed.next());
        CHECK(message == "broke");
        co_await failed.close();

        auto moved = two();
        const auto there = std::move(moved);
        co_await moved.close();
        generator<int> empty;
        co_await empty.close();
    });
}

TEST_CASE("what the clean-up throws comes out of close, in place of the cancellation; the generator is over then") {
    on_every_engine([]() -> task<void> {
        for (const bool late : {false, true}) {
            auto body = [](bool late) -> generator<int> {
                const counted local;
                try {
                    co_yield 0;
                } catch (const cancelled&) {
                    if (!late) throw std::runtime_error("cleaning failed");
                }
                co_await yield();
                throw std::runtime_error("cleaning failed");
            };
            counted::reset();
            auto gen = body(late);
            co_await ask(gen, 1);
            const std::string message = co_await message_of(gen.close());
            CHECK(message == "cleaning failed");
            CHECK(counted::alive() == 0);
            co_await gen.close();
            co_await must_be_over(gen);
        }
    });
}

TEST_CASE("a body that yields again after it was closed: an error for who closes, and the body is destroyed there") {
    on_every_engine([]() -> task<void> {
        auto stubborn = [](std::string& notes) -> generator<int> {
            struct note {
                std::string& notes;
                explicit note(std::string& n) : notes(n) {}
                ~note() { notes += 'd'; }
            };
            const note end(notes);
            for (;;) {
                try {
                    co_yield 0;
                } catch (const cancelled&) {
                    notes += 'c';
                }
            }
        };
        auto awaits_before = [](std::string& notes) -> generator<int> {
            try {
                co_yield 0;
            } catch (const cancelled&) {
                notes += 'c';
            }
            co_await yield();
            notes += 'd';
            co_yield 1;
            notes += '?';
        };
        for (auto gen_of : {+stubborn, +awaits_before}) {
            std::string notes;
            auto gen = gen_of(notes);
            co_await ask(gen, 1);
            const std::string message = co_await message_of(gen.close());
            CHECK(message == "a generator that was closed has yielded another item");
            CHECK(notes == "cd");
            co_await must_be_over(gen);
        }
    });
}

TEST_CASE("close takes effect in a cancelled scope, where the awaits of the clean-up raise as usual") {
    on_every_engine([]() -> task<void> {
        std::string notes;
        auto gen = with_clean_up(notes);
        auto plain = without_clean_up(notes);
        co_await ask(gen, 1);
        co_await ask(plain, 1);
        cancel_scope scope;
        scope.cancel();
        bool over = false;
        auto close_both = [](generator<int>& a, generator<int>& b, bool& over) -> task<void> {
            co_await a.close();
            co_await b.close();
            over = true;
            co_await yield();
            FAIL("the cancellation is lost");
        };
        co_await scope.run(close_both(gen, plain, over));
        CHECK(over);
        CHECK(notes == "cd");
        CHECK(scope.cancelled_caught());
        co_await must_be_over(gen);
    });
}

TEST_CASE("a shielded clean-up is waited for, and the cancellation is raised behind the close") {
    on_every_engine([]() -> task<void> {
        std::string notes;
        auto body = [](std::string& notes) -> generator<int> {
            try {
                co_yield 0;
            } catch (const cancelled&) {
            }
            auto clean = [](std::string& notes) -> task<void> {
                co_await sleep(1us);
                notes += 's';
            };
            cancel_scope shield(time_point::max(), shielding::shielded);
            co_await shield.run(clean(notes));
        };
        auto gen = body(notes);
        co_await ask(gen, 1);
        auto close_then_wait = [](generator<int>& gen, std::string& notes) -> task<void> {
            co_await gen.close();
            notes += 'c';
            co_await yield();
            notes += '?';
        };
        auto closer = create_task(close_then_wait(gen, notes));
        co_await yield();  // it waits for the clean-up
        closer.cancel();
        co_await closer.wait();
        CHECK(closer.cancelled());
        CHECK(notes == "sc");
    });
}

TEST_CASE("who closes may be another task than who asked; the clean-up runs in the scopes of the one who closes") {
    on_every_engine([]() -> task<void> {
        std::string notes;
        auto gen = with_clean_up(notes);
        auto asker = create_task(ask(gen, 2));
        co_await asker;
        auto closer = create_task(close_it(gen));
        co_await closer;
        CHECK(notes == ".cys");

        auto other = with_clean_up(notes);
        co_await ask(other, 1);
        const auto nothing = co_await move_on_after(0s, close_it(other));
        CHECK(nothing.has_value());  // the close has ended, before its time-out was seen
        CHECK(notes == ".cysc");     // but its clean-up was cut short
        co_await must_be_over(other);
    });
}

TEST_CASE("a generator that another one awaits is closed by it: the clean-up of the inner one may await too") {
    on_every_engine([]() -> task<void> {
        auto outer = [](std::string& notes) -> generator<int> {
            auto inner = with_clean_up(notes);
            bool told = false;
            try {
                while (auto n = co_await inner.next()) co_yield *n;
            } catch (const cancelled&) {
                told = true;
            }
            if (told) co_await inner.close();
            notes += 'o';
        };
        std::string notes;
        auto gen = outer(notes);
        co_await ask(gen, 2);
        co_await gen.close();
        CHECK(notes == ".cyso");
    });
}

TEST_CASE("a body that waits in next is not at a co_yield: it is cancelled there with its scope, and then over") {
    on_every_engine([]() -> task<void> {
        auto body = [](std::string& notes) -> generator<int> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
                notes += 'c';
                throw;
            }
            co_yield 0;
        };
        std::string notes;
        auto gen = body(notes);
        const auto nothing = co_await move_on_after(1us, gen.next());
        CHECK_FALSE(nothing.has_value());
        CHECK(notes == "c");
        co_await must_be_over(gen);
        co_await gen.close();
    });
}
