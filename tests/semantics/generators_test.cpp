// Asynchronous generators: what PEP 525 and CPython's test_asyncgen promise, as far as it has a counterpart. An end is
// an empty optional in place of StopAsyncIteration, and `cancelled` raised at the co_yield is GeneratorExit. Nothing is
// sent or thrown into a body, and none is finalized behind the program's back: whoever has clean-up to await closes.
#include <doctest/doctest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

template <class T>
task<std::vector<T>> to_list(generator<T> gen) {
    std::vector<T> items;
    while (auto item = co_await gen.next()) items.push_back(std::move(*item));
    co_return items;
}

task<std::optional<int>> next_of(generator<int>& gen) { co_return co_await gen.next(); }
task<void> close_it(generator<int>& gen) { co_await gen.close(); }

generator<int> one_two() {
    co_yield 1;
    co_yield 2;
}

// try: yield 1; finally: two sleeps, done += 1
generator<int> finally_sleeps(int& done) {
    bool closed = false;
    try {
        co_yield 1;
        done += 1000;
    } catch (const cancelled&) {
        closed = true;
    }
    co_await sleep(1us);
    co_await sleep(1us);
    done += 1;
    if (!closed) done += 1000;
}

}  // namespace

TEST_CASE("asyncgen: a loop over a generator sees the items between its awaits, in order") {
    on_every_engine([]() -> task<void> {
        auto body = []() -> generator<int> {
            co_yield 1;
            co_await sleep(1us);
            co_yield 2;
            co_await sleep(1us);
            co_return;
            co_yield 3;
        };
        const auto items = co_await to_list(body());
        CHECK(items == std::vector<int>{1, 2});
    });
}

TEST_CASE("asyncgen: an exception after the first item reaches the loop, which has seen that item") {
    on_every_engine([]() -> task<void> {
        auto body = []() -> generator<int> {
            co_yield 1;
            co_await sleep(1us);
            throw std::domain_error("division by zero");
        };
        auto gen = body();
        std::optional<int> item = co_await gen.next();
        CHECK(item == 1);
        const bool thrown = co_await throws<std::domain_error>(gen.next());
        CHECK(thrown);
        item = co_await gen.next();
        CHECK_FALSE(item.has_value());
    });
}

TEST_CASE("asyncgen: an exception of an await inside may be caught inside, and the items go on") {
    on_every_engine([]() -> task<void> {
        auto body = []() -> generator<int> {
            auto fail = []() -> task<void> {
                co_await sleep(1us);
                throw std::domain_error("division by zero");
            };
            co_yield 1;
            bool failed = false;
            try {
                co_await fail();
            } catch (const std::domain_error&) {
                failed = true;
            }
            if (failed) co_yield 2;
        };
        const auto items = co_await to_list(body());
        CHECK(items == std::vector<int>{1, 2});
    });
}

TEST_CASE(
    "asyncgen: an item may be what elsewhere means the end or a failure: an empty optional, an exception, a tuple") {
    on_every_engine([]() -> task<void> {
        auto empties = []() -> generator<std::optional<int>> {
            co_yield std::nullopt;
            co_yield std::nullopt;
        };
        const auto none = co_await to_list(empties());
        CHECK(none.size() == 2);
        auto failures = []() -> generator<std::exception_ptr> {
            co_yield std::make_exception_ptr(std::domain_error("an item"));
        };
        const auto items = co_await to_list(failures());
        REQUIRE(items.size() == 1);
        CHECK(what_of(items[0]) == "an item");
    });
}

TEST_CASE("asyncgen: after the end every further next gives the end") {
    on_every_engine([]() -> task<void> {
        auto gen = one_two();
        for (const int expected : {1, 2}) {
            const std::optional<int> item = co_await gen.next();
            CHECK(item == expected);
        }
        for (int i = 0; i < 3; ++i) {
            const std::optional<int> end = co_await gen.next();
            CHECK_FALSE(end.has_value());
        }
    });
}

TEST_CASE("asyncgen: a body that runs to its end runs its finally, with its awaits, within the last next") {
    on_every_engine([]() -> task<void> {
        int done = 0;
        auto gen = finally_sleeps(done);
        static_cast<void>(co_await gen.next());
        CHECK(done == 0);
        const std::optional<int> end = co_await gen.next();
        CHECK_FALSE(end.has_value());
        CHECK(done == 1000 + 1 + 1000);
    });
}

TEST_CASE("aclose: awaits in the finally run, what stands behind does not") {
    on_every_engine([]() -> task<void> {
        int done = 0;
        auto gen = finally_sleeps(done);
        static_cast<void>(co_await gen.next());
        co_await gen.close();
        CHECK(done == 1);
    });
}

TEST_CASE("aclose: a finally that yields is an error: the generator ignored the exit") {
    on_every_engine([]() -> task<void> {
        auto body = []() -> generator<int> {
            try {
                co_yield 1;
            } catch (const cancelled&) {
            }
            co_await sleep(1us);
            co_yield 12;
        };
        auto gen = body();
        static_cast<void>(co_await gen.next());
        const bool ignored = co_await throws<std::logic_error>(gen.close());
        CHECK(ignored);
    });
}

TEST_CASE("aclose: a body may swallow the exit and end by itself; who closes sees nothing of it") {
    on_every_engine([]() -> task<void> {
        int done = 0;
        auto body = [](int& done) -> generator<int> {
            try {
                co_yield 1;
            } catch (...) {
            }
            done = 1;
        };
        auto gen = body(done);
        static_cast<void>(co_await gen.next());
        co_await gen.close();
        done += 10;
        CHECK(done == 11);
    });
}

TEST_CASE("aclose: the finally may join a task that the body has started, and read its failure") {
    on_every_engine([]() -> task<void> {
        int done = 0;
        auto body = [](int& done) -> generator<int> {
            auto target = []() -> task<void> {
                co_await sleep(1us);
                throw std::domain_error("division by zero");
            };
            auto started = create_task(target());
            try {
                co_yield 1;
            } catch (const cancelled&) {
            }
            const bool failed = co_await throws<std::domain_error>(std::move(started));
            done += failed;
        };
        auto gen = body(done);
        static_cast<void>(co_await gen.next());
        co_await gen.close();
        CHECK(done == 1);
    });
}

TEST_CASE("aclose: twice, after the end, and before the first next: nothing happens, and there are no items") {
    on_every_engine([]() -> task<void> {
        auto twice = one_two();
        co_await twice.close();
        co_await twice.close();
        const std::optional<int> none = co_await twice.next();
        CHECK_FALSE(none.has_value());

        auto exhausted = one_two();
        while (co_await exhausted.next()) {
        }
        co_await exhausted.close();
    });
}

TEST_CASE("aclose: an exception of the finally replaces the exit") {
    on_every_engine([]() -> task<void> {
        auto body = []() -> generator<int> {
            try {
                co_yield 1;
            } catch (const cancelled&) {
            }
            co_await sleep(1us);
            throw std::domain_error("division by zero");
        };
        auto gen = body();
        static_cast<void>(co_await gen.next());
        const bool thrown = co_await throws<std::domain_error>(gen.close());
        CHECK(thrown);
    });
}

TEST_CASE("a generator that runs already: a second next, or close, is an error; the first one is not disturbed") {
    on_every_engine([]() -> task<void> {
        auto body = []() -> generator<int> {
            co_await yield();
            co_await yield();
            co_yield 1;
        };
        auto gen = body();
        auto first = create_task(next_of(gen));
        auto second = create_task(next_of(gen));
        auto third = create_task(close_it(gen));
        co_await second.wait();
        co_await third.wait();
        CHECK(what_of(second.exception()).find("has not ended") != std::string::npos);
        CHECK(what_of(third.exception()).find("has not ended") != std::string::npos);
        const std::optional<int> item = co_await first;
        CHECK(item == 1);
    });
}

TEST_CASE("a loop that is left early: the generator is dropped with its variables, and nothing is reported") {
    scripted_runner s;
    const report_recorder recorder(s.loop());
    auto body = []() -> task<void> {
        for (auto gen = one_two(); auto item = co_await gen.next();) {
            CHECK(item == 1);
            break;
        }
        auto never_started = one_two();
    };
    s.run(body());
    CHECK(recorder.reports.empty());
}

TEST_CASE("152: at the end of the run a generator that somebody waits for is cancelled with him, awaits of its finally "
          "raise; one that nobody asks runs its destructors") {
    struct note_end {
        std::string& notes;
        char mark;
        note_end(std::string& n, char m) : notes(n), mark(m) {}
        ~note_end() { notes += mark; }
    };
    std::string notes;
    auto body = [](std::string& notes, bool waits) -> generator<int> {
        const note_end end(notes, waits ? 'w' : 'i');
        co_yield 1;
        bool told = false;
        try {
            co_await sleep(24h);
        } catch (const cancelled&) {
            told = true;
        }
        if (told) co_await yield();
        notes += '?';
    };
    auto ask_twice = [](generator<int> gen) -> task<void> {
        while (co_await gen.next()) {
        }
    };
    auto hold = [](generator<int> gen) -> task<void> {
        static_cast<void>(co_await gen.next());
        co_await sleep(24h);
    };
    {
        scripted_runner s;
        s.runner.create_task(ask_twice(body(notes, true)));
        s.runner.create_task(hold(body(notes, false)));
        s.turns(2);
        CHECK(notes.empty());
    }
    CHECK((notes == "wi" || notes == "iw"));
}

TEST_CASE("asyncgen expressions: generators of generators, with awaits in the filter and in the map") {
    on_every_engine([]() -> task<void> {
        auto range = [](int n) -> generator<int> {
            for (int i = 0; i < n; ++i) {
                co_await sleep(1us);
                co_yield i;
            }
        };
        auto doubled_if_odd = [](generator<int> source) -> generator<int> {
            auto odd = [](int n) -> task<bool> {
                co_await yield();
                co_return n % 2 == 1;
            };
            auto doubled = [](int n) -> task<int> {
                co_await sleep(1us);
                co_return 2 * n;
            };
            while (auto n = co_await source.next()) {
                const bool chosen = co_await odd(*n);
                if (chosen) co_yield co_await doubled(*n);
            }
        };
        const auto items = co_await to_list(doubled_if_odd(range(6)));
        CHECK(items == std::vector<int>{2, 6, 10});
    });
}

TEST_CASE("a cancellation arrives in the body that is asked, which may clean up; then its generator is over") {
    on_every_engine([]() -> task<void> {
        int done = 0;
        auto body = [](int& done) -> generator<int> {
            co_yield 1;
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
                ++done;
                throw;
            }
            co_yield 2;
        };
        auto all = [](generator<int>& gen) -> task<void> {
            while (co_await gen.next()) {
            }
        };
        auto gen = body(done);
        auto loop = create_task(all(gen));
        co_await yield();
        loop.cancel();
        co_await loop.wait();
        CHECK(loop.cancelled());
        CHECK(done == 1);
        const std::optional<int> end = co_await gen.next();
        CHECK_FALSE(end.has_value());
    });
}
