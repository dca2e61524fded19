#include <libasync/net/readiness.hpp>

#include <doctest/doctest.h>

#include <array>
#include <optional>
#include <string>
#include <variant>

#include <libasync/net/pipe.hpp>
#include <libasync/net/unix_stream.hpp>
#include <libasync/sync/channel.hpp>
#include <libasync/sync/select.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/foreign_handles.hpp>
#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>

#ifndef _WIN32

using namespace async_tests;

namespace {

task<void> wait_for(native_handle handle) { co_await readable(handle); }

using selected = std::variant<std::monostate, std::optional<int>>;

task<selected> readable_or_item(native_handle handle, channel_receiver<int> items) {
    co_return co_await select(readable(handle), items.receive());
}

}  // namespace

TEST_CASE("readable completes when there is something to read, and takes nothing") {
    async::run([]() -> task<void> {
        foreign_pair pair;
        auto waiting = create_task(wait_for(pair.near()));
        co_await yield();
        co_await yield();
        CHECK_FALSE(waiting.done());
        REQUIRE(pair.send("x") == 1);
        co_await waiting;
        co_await readable(pair.near());  // it is still there
        CHECK(pair.receive() == 1);
    }());
}

TEST_CASE("readable completes at the end, writable while there is room") {
    async::run([]() -> task<void> {
        foreign_pair pair;
        co_await writable(pair.near());
        pair.close_far();
        co_await readable(pair.near());
    }());
}

TEST_CASE("writable waits for room") {
    async::run([]() -> task<void> {
        foreign_pair pair;
        io::system_calls& system = this_engine().calls();
        const std::string block(64 * 1024, 'x');
        while (system.send_now(pair.near(), block).error == 0) {
        }
        auto waiting = create_task([](native_handle h) -> task<void> { co_await writable(h); }(pair.near()));
        co_await yield();
        co_await yield();
        CHECK_FALSE(waiting.done());
        std::vector<std::byte> buffer(256 * 1024);
        std::array<native_handle, 1> none{};
        while (system.receive_handles(pair.far(), buffer, none).error == 0) {
        }
        co_await waiting;
    }());
}

TEST_CASE("a wait that is cancelled leaves the handle as it was, and another one can begin at once") {
    async::run([]() -> task<void> {
        foreign_pair pair;
        for (int i = 0; i < 10; ++i) {
            const auto nothing = co_await move_on_after(0ms, readable(pair.near()));
            CHECK_FALSE(nothing);
        }
        auto waiting = create_task(wait_for(pair.near()));
        co_await yield();
        REQUIRE(pair.send("x") == 1);
        co_await waiting;
    }());
}

TEST_CASE("a handle that is not open is an error that names it") {
    async::run([]() -> task<void> {
        const std::error_code error = co_await error_of(readable(native_handle{987654}));
        CHECK(error == std::errc::bad_file_descriptor);
        const std::string message = co_await message_of(writable(native_handle{987654}));
        CHECK(message.find("writable 987654") != message.npos);
    }());
}

TEST_CASE("a wait beside a stream that reads takes nothing from it") {
    if (on_sim()) return;  // one waits for a handle there at a time
    async::run([]() -> task<void> {
        auto [a, b] = unix_stream::pair();
        auto reading = create_task(b.read_exactly(5));
        auto waiting = create_task(wait_for(a.handle()));
        co_await yield();
        co_await a.write("hello");
        const std::string text = co_await reading;
        CHECK(text == "hello");
        co_await b.write("x");
        co_await waiting;
    }());
}

TEST_CASE("select takes an item while a handle is not readable, and gives the wait for it up at once") {
    async::run([]() -> task<void> {
        foreign_pair pair;
        channel<int> items(0);
        for (int i = 0; i < 3; ++i) {
            auto selecting = create_task(readable_or_item(pair.near(), items.receiver));
            co_await yield();
            co_await yield();
            CHECK(items.sender.try_send(i));
            REQUIRE(pair.send("x") == 1);  // too late
            const selected got = co_await selecting;
            REQUIRE(got.index() == 1);
            CHECK(std::get<1>(got) == i);
            co_await readable(pair.near());  // another wait may begin
            CHECK(pair.receive() == 1);
        }
    }());
}

TEST_CASE("select takes the readiness of a handle, and leaves the channel alone") {
    async::run([]() -> task<void> {
        foreign_pair pair;
        channel<int> items(0);
        auto selecting = create_task(readable_or_item(pair.near(), items.receiver));
        co_await yield();
        co_await yield();
        CHECK_FALSE(selecting.done());
        REQUIRE(pair.send("x") == 1);
        const selected got = co_await selecting;
        CHECK(got.index() == 0);
        CHECK_FALSE(items.sender.try_send(1));  // nobody waits there
        channel<int> full(1);
        CHECK(full.sender.try_send(1));
        const selected again = co_await readable_or_item(pair.near(), full.receiver);
        CHECK(again.index() == 0);  // both are there already: the first is taken
        CHECK(full.receiver.try_receive() == 1);
    }());
}

TEST_CASE("of two handles that are ready, select takes the first in the order of the arguments") {
    async::run([]() -> task<void> {
        foreign_pair one;
        foreign_pair two;
        auto both = [](native_handle a, native_handle b) -> task<std::size_t> {
            auto got = co_await select(readable(a), readable(b), sleep(24h));
            co_return got.index();
        };
        auto selecting = create_task(both(one.near(), two.near()));
        co_await yield();
        co_await yield();
        REQUIRE(two.send("x") == 1);
        const std::size_t second = co_await selecting;
        CHECK(second == 1);
        auto again = create_task(both(two.near(), one.near()));
        REQUIRE(one.send("x") == 1);
        const std::size_t first = co_await again;
        CHECK(first == 0);
    }());
}

TEST_CASE("a selection whose handle is not open fails with its error, and takes nothing from the others") {
    async::run([]() -> task<void> {
        channel<int> items(1);
        auto selecting = create_task(readable_or_item(native_handle{987654}, items.receiver));
        co_await selecting.wait();
        CHECK(what_of(selecting.exception()).find("readable 987654") != std::string::npos);
        CHECK(items.sender.try_send(1));
        CHECK(items.receiver.try_receive() == 1);
    }());
}

TEST_CASE("a selection with a handle may be cancelled, time out, or be torn down with its loop") {
    async::run([]() -> task<void> {
        foreign_pair pair;
        channel<int> items(0);
        for (int i = 0; i < 3; ++i) {
            const auto nothing = co_await move_on_after(0ms, readable_or_item(pair.near(), items.receiver));
            CHECK_FALSE(nothing);
            auto selecting = create_task(readable_or_item(pair.near(), items.receiver));
            co_await yield();
            selecting.cancel();
            co_await selecting.wait();
            CHECK(selecting.cancelled());
        }
        auto waiting = create_task(wait_for(pair.near()));
        co_await yield();
        REQUIRE(pair.send("x") == 1);
        co_await waiting;
    }());
    channel<int> items(0);
    task_handle<selected> left;
    async::run([](channel<int>& items, task_handle<selected>& left) -> task<void> {
        foreign_pair pair;
        left = create_task(readable_or_item(pair.near(), items.receiver));
        co_await yield();
        co_await yield();
    }(items, left));
    CHECK(left.cancelled());
}

#endif
