// Memory runs out in and around generators: each fails as it should, once, and leaves nothing behind.
#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <utility>

#include <tests/support/allocation_failure.hpp>

using namespace async_tests;

namespace {

std::string text_of(int i) { return "an item that is too long to be kept in place, number " + std::to_string(i); }

generator<std::string> texts(int count) {
    for (int i = 0; i < count; ++i) {
        co_await yield();
        co_yield text_of(i);
    }
}

generator<std::string> marked(generator<std::string> source) {
    while (auto text = co_await source.next()) co_yield *text + "!";
}

}  // namespace

TEST_CASE("without memory a generator is not made, or gives its items in order") {
    survives([]() -> task<void> {
        auto gen = texts(3);
        int count = 0;
        while (auto text = co_await gen.next()) must_hold(*text == text_of(count++), "items come in their order");
        must_hold(count == 3, "none is left out");
    });
}

TEST_CASE("without memory a pipeline breaks where it is, and what broke it comes out at its end") {
    survives([]() -> task<void> {
        auto gen = marked(marked(texts(2)));
        int count = 0;
        while (auto text = co_await gen.next())
            must_hold(*text == text_of(count++) + "!!", "items come in their order");
        must_hold(count == 2, "none is left out");
    });
}

TEST_CASE("without memory an item may fail to be copied at its co_yield; the body may go on") {
    survives([]() -> task<void> {
        auto body = [](int& failed) -> generator<std::string> {
            const std::string text = text_of(1);
            for (int i = 0; i < 3; ++i) {
                try {
                    co_yield text;
                } catch (const std::bad_alloc&) {
                    ++failed;
                }
            }
        };
        int failed = 0;
        int count = 0;
        auto gen = body(failed);
        while (auto text = co_await gen.next()) {
            must_hold(*text == text_of(1), "an item is whole");
            ++count;
        }
        must_hold(count + failed == 3, "each item came, or its co_yield threw");
        if (failed != 0) throw std::bad_alloc();
    });
}

TEST_CASE("without memory close runs the clean-up as far as it comes, and the generator is over") {
    survives([]() -> task<void> {
        auto body = [](std::string& notes) -> generator<int> {
            try {
                co_yield 1;
            } catch (const cancelled&) {
                notes = "told";
            }
            co_await sleep(1us);
            notes += text_of(2);
        };
        std::string notes;
        auto gen = body(notes);
        const std::optional<int> item = co_await gen.next();
        must_hold(item == 1, "there is an item");
        bool failed = false;
        try {
            co_await gen.close();
        } catch (const std::bad_alloc&) {
            failed = true;
        }
        must_hold(failed || notes == "told" + text_of(2), "the clean-up is waited for");
        const std::optional<int> end = co_await gen.next();
        must_hold(!end, "it is over");
        if (failed) throw std::bad_alloc();
    });
}

TEST_CASE("without memory misuse is told, by an exception of either kind") {
    survives([]() -> task<void> {
        auto body = []() -> generator<int> {
            for (;;) {
                try {
                    co_yield 1;
                } catch (const cancelled&) {
                }
            }
        };
        auto gen = body();
        static_cast<void>(co_await gen.next());
        try {
            co_await gen.close();
            must_hold(false, "a body that yields again is an error");
        } catch (const std::logic_error&) {
        }
        auto moved = std::move(gen);
        co_await moved.close();
        try {
            static_cast<void>(co_await gen.next());
            must_hold(false, "a generator that was moved from gives nothing");
        } catch (const std::logic_error&) {
        }
    });
}
