#include <libasync/sync/event.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include <libasync/testing/allocations.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<void> note_after(event& e, std::string& notes, char name) {
    co_await e.wait();
    notes += name;
}

}  // namespace

TEST_CASE("all who wait for an event go on when it is set, in the order in which they came, and not inside set") {
    on_every_engine([]() -> task<void> {
        event e;
        std::string notes;
        auto set = [](event& e, std::string& notes) -> task<void> {
            co_await yield();
            e.set();
            notes += '!';
            CHECK(e.is_set());
        };
        co_await gather(note_after(e, notes, 'a'), note_after(e, notes, 'b'), note_after(e, notes, 'c'), set(e, notes));
        CHECK(notes == "!abc");
    });
}

TEST_CASE("an event that is set is not waited for, until it is cleared") {
    on_every_engine([]() -> task<void> {
        event e;
        e.set();
        e.set();
        const auto turns = this_loop().statistics().turns;
        const auto allocated = async::testing::allocations();
        co_await e.wait();
        co_await e.wait();
        CHECK(this_loop().statistics().turns == turns);
        CHECK(async::testing::allocations() == allocated);
        e.clear();
        CHECK_FALSE(e.is_set());
        const auto waited = co_await move_on_after(1ms, e.wait());
        CHECK_FALSE(waited.has_value());
    });
}

TEST_CASE("whoever waits for an event that is destroyed is told so") {
    on_every_engine([]() -> task<void> {
        std::optional<event> e(std::in_place);
        auto waiter = create_task(message_of(e->wait()));
        co_await yield();
        co_await yield();
        e.reset();
        const std::string told = co_await waiter;
        CHECK(told == "event::wait: destroyed while a task waits");
    });
}
