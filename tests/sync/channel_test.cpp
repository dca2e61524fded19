#include <libasync/sync/channel.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <libasync/testing/allocations.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<void> settle() {
    for (int i = 0; i < 6; ++i) co_await yield();
}

task<void> send_numbers(channel_sender<int> to, int first, int count) {
    for (int i = 0; i < count; ++i) co_await to.send(first + i);
}

task<std::vector<int>> receive_all(channel_receiver<int> from) {
    std::vector<int> got;
    while (const auto item = co_await from.receive()) got.push_back(*item);
    co_return got;
}

task<std::optional<int>> receive_one(channel_receiver<int> from) { co_return co_await from.receive(); }

}  // namespace

TEST_CASE("what is sent is received in its order, and then the end, whatever the capacity") {
    on_every_engine([]() -> task<void> {
        for (const std::size_t capacity : {0u, 1u, 3u, 100u}) {
            auto [sender, receiver] = channel<int>(capacity);
            const auto [nothing, got] = co_await gather(send_numbers(std::move(sender), 0, 5), receive_all(receiver));
            CHECK(got == std::vector{0, 1, 2, 3, 4});
            const auto again = co_await receiver.receive();
            CHECK_FALSE(again.has_value());
        }
    });
}

TEST_CASE("with capacity 0 a send waits for its receiver; with more, for room") {
    on_every_engine([]() -> task<void> {
        for (const std::size_t capacity : {0u, 2u}) {
            auto [sender, receiver] = channel<int>(capacity);
            auto producer = create_task(send_numbers(sender, 0, static_cast<int>(capacity) + 1));
            co_await settle();
            CHECK_FALSE(producer.done());
            const auto first = co_await receiver.receive();
            CHECK(first == 0);
            co_await producer;
        }
    });
}

TEST_CASE("items may be movable only, and once there is room nothing needs memory") {
    on_every_engine([]() -> task<void> {
        channel<std::unique_ptr<int>> boxes(1);
        co_await boxes.sender.send(std::make_unique<int>(5));
        const auto box = co_await boxes.receiver.receive();
        CHECK(**box == 5);
        channel<int> numbers(1);
        co_await numbers.sender.send(0);
        static_cast<void>(co_await numbers.receiver.receive());
        const auto allocated = async::testing::allocations();
        for (int i = 0; i < 10; ++i) {
            co_await numbers.sender.send(i);
            const auto got = co_await numbers.receiver.receive();
            CHECK(got == i);
        }
        CHECK(async::testing::allocations() == allocated);
    });
}

TEST_CASE("without waiting: whether it was sent, and what is there") {
    on_every_engine([]() -> task<void> {
        channel<std::string> c(1);
        CHECK_FALSE(c.receiver.try_receive().has_value());
        std::string text = "a text that is too long to be kept in place";
        CHECK(c.sender.try_send(text));
        CHECK_FALSE(c.sender.try_send(std::move(text)));
        CHECK(text.size() > 10);  // NOLINT(bugprone-use-after-move): it was not sent
        CHECK(c.receiver.try_receive() == text);

        channel<std::string> rendezvous(0);
        CHECK_FALSE(rendezvous.sender.try_send("nobody waits"));
        auto receive = [](channel_receiver<std::string> from) -> task<std::string> {
            const auto got = co_await from.receive();
            co_return got.value_or("the end");
        };
        auto receiver = create_task(receive(rendezvous.receiver));
        co_await settle();
        CHECK(rendezvous.sender.try_send("somebody waits"));
        const std::string got = co_await receiver;
        CHECK(got == "somebody waits");
    });
}

TEST_CASE("109: a channel ends with the last clone of its sender, and receivers that wait are told") {
    on_every_engine([]() -> task<void> {
        auto [sender, receiver] = channel<int>(2);
        channel_sender<int> clone = sender.clone();
        auto first = create_task(receive_one(receiver));
        auto second = create_task(receive_one(receiver.clone()));
        co_await settle();
        sender.close();
        sender.close();
        CHECK_FALSE(sender.is_open());
        co_await settle();
        CHECK_FALSE(first.done());
        co_await clone.send(1);
        clone = sender;  // closes the last
        const auto got = co_await first;
        const auto end = co_await second;
        CHECK(got == 1);
        CHECK_FALSE(end.has_value());
    });
}

TEST_CASE("109: without receivers a send is broken, also one that waits; what is left is dropped") {
    on_every_engine([]() -> task<void> {
        auto [sender, receiver] = channel<std::shared_ptr<int>>(1);
        const auto item = std::make_shared<int>(1);
        co_await sender.send(item);
        auto waiting = create_task(error_of(sender.send(item)));
        co_await settle();
        channel_receiver<std::shared_ptr<int>> clone = receiver;
        receiver.close();
        co_await settle();
        CHECK_FALSE(waiting.done());
        clone.close();
        std::error_code error = co_await waiting;
        CHECK(error == errc::broken);
        CHECK(item.use_count() == 1);
        error = co_await error_of(sender.send(item));
        CHECK(error == errc::broken);
        CHECK_THROWS_AS(sender.try_send(item), std::system_error);
    });
}

TEST_CASE("109: an end that is closed refuses what it is asked for") {
    on_every_engine([]() -> task<void> {
        auto [sender, receiver] = channel<int>(2);
        sender.close();
        receiver.close();
        std::error_code error = co_await error_of(sender.send(1));
        CHECK(error == errc::closed);
        error = co_await error_of(receiver.receive());
        CHECK(error == errc::closed);
        CHECK_THROWS_AS(sender.try_send(1), std::system_error);
        CHECK_THROWS_AS(static_cast<void>(receiver.try_receive()), std::system_error);
    });
}

TEST_CASE("109: several receivers share what comes, each in its turn") {
    on_every_engine([]() -> task<void> {
        auto [sender, receiver] = channel<int>(0);
        std::vector<task_handle<std::optional<int>>> receivers;
        for (int i = 0; i < 4; ++i) receivers.push_back(create_task(receive_one(receiver)));
        co_await settle();
        for (int i = 0; i < 4; ++i) co_await sender.send(i);
        for (int i = 0; i < 4; ++i) {
            const auto got = co_await receivers[static_cast<std::size_t>(i)];
            CHECK(got == i);
        }
    });
}

TEST_CASE("a receive that is cancelled after an item was handed to it has the item; before, the next one has") {
    on_every_engine([]() -> task<void> {
        for (const bool before : {true, false}) {
            auto [sender, receiver] = channel<int>(1);
            auto first = create_task(receive_one(receiver));
            auto second = create_task(receive_one(receiver));
            co_await settle();
            if (before) first.cancel();
            CHECK(sender.try_send(1));
            if (!before) first.cancel();
            co_await settle();
            CHECK(first.cancelled() == before);
            CHECK(second.done() == before);
            sender.close();
            const auto got = co_await second;
            CHECK(got.value_or(0) == (before ? 1 : 0));
        }
    });
}

TEST_CASE("an operation of a channel outlives its end") {
    on_every_engine([]() -> task<void> {
        std::optional<channel<int>> c(std::in_place, 0u);
        auto receive = [](channel_receiver<int>& from) -> task<std::optional<int>> { co_return co_await from.receive(); };
        auto receiver = create_task(receive(c->receiver));
        co_await settle();
        c.reset();
        const auto end = co_await receiver;
        CHECK_FALSE(end.has_value());
    });
}
