// What is cancelled has happened, or it has not: no byte gets lost on the way.
#include <array>

#include <libasync/coro/sleep.hpp>
#include <libasync/coro/timeout.hpp>
#include <libasync/coro/gather.hpp>
#include <libasync/coro/task_handle.hpp>
#include <libasync/testing/stream_under_test.hpp>
#include <libasync/testing/wait_all_tasks_blocked.hpp>

namespace async::inline v0::testing::internal {

namespace {

// Runs `t` in a scope that is cancelled already.
template <class T>
task<void> refuse(task<T> t, const char* what) {
    cancel_scope scope;
    scope.cancel();
    static_cast<void>(co_await scope.run(std::move(t)));
    require(scope.cancelled_caught(), std::string(what) + " ignores that its scope is cancelled");
}

task<void> refused_operations(stream_kit& kit) {
    connection c = co_await kit.connect();
    std::array<std::byte, 4> memory;
    for (const bool something_there : {false, true}) {
        if (something_there) co_await c.far->write(std::string_view("back"));
        co_await refuse(c.near->read(), "read()");
        co_await refuse(c.near->read_some(memory), "read_some");
        co_await refuse(c.near->write(std::string_view("never")), "write");
        co_await refuse(c.near->shutdown_write(), "shutdown_write");
    }
    require(c.near->written() == 0, "a write that was refused has sent something");
    co_await expect_text(*c.near, "back", reading::chunks);
    co_await gather(c.near->write(std::string_view("forth")), expect_text(*c.far, "forth", reading::chunks));
}

task<void> forced_close(stream_kit& kit) {
    connection c = co_await kit.connect();
    cancel_scope scope;
    scope.cancel();
    co_await scope.run(c.near->close());
    require(!c.near->is_open(), "close in a cancelled scope does not close");
    co_await expect_end(*c.far);
}

task<std::string> read_by(stream_under_test& stream, reading how) {
    if (how == reading::chunks) {
        const chunk data = co_await stream.read();
        co_return std::string(data.text());
    }
    std::array<char, 100> memory;
    const std::size_t count = co_await stream.read_some(std::as_writable_bytes(std::span(memory)));
    co_return std::string(memory.data(), count);
}

// A reader that has waited in vain takes nothing from the next one.
task<void> cancelled_before_arrival(stream_kit& kit) {
    connection c = co_await kit.connect();
    for (const reading how : {reading::chunks, reading::pieces}) {
        auto reader = create_task(read_by(*c.far, how));
        co_await wait_all_tasks_blocked();
        reader.cancel();
        co_await reader.wait();
        require(reader.cancelled(), "a read that waits ignores its cancellation");
        co_await gather(c.near->write(std::string_view("for the next")),
                        expect_text(*c.far, "for the next", reading::chunks));
    }
}

// The read and its cancellation meet what arrives: either way nothing is lost, and what is sent next comes after it.
task<void> cancelled_at_arrival(stream_kit& kit) {
    connection c = co_await kit.connect();
    const std::string text = pattern(50);
    const std::string all = text + "0123456789";
    for (int round = 0; round < 240; ++round) {
        auto reader = create_task(read_by(*c.far, round % 2 == 0 ? reading::chunks : reading::pieces));
        if (round % 4 < 2) co_await wait_all_tasks_blocked();
        co_await c.near->write(text);
        for (int i = round % 5; i > 0; --i) co_await yield();
        for (int i = round % 3; i > 0; --i) co_await sleep(std::chrono::seconds(0));
        reader.cancel();
        co_await reader.wait();
        const std::string got = reader.cancelled() ? std::string() : reader.result();
        require(std::string_view(text).substr(0, got.size()) == got, "a read gives other bytes than were sent");
        co_await c.near->write(std::string_view(all).substr(text.size()));
        co_await expect_text(*c.far, std::string_view(all).substr(got.size()), reading::chunks);
    }
}

task<void> write_slowly(stream_under_test& stream, std::string_view text, std::minstd_rand random) {
    while (!text.empty()) {
        const std::string_view part = text.substr(0, random() % 700);
        co_await stream.write(part);
        text.remove_prefix(part.size());
        if (random() % 2 == 0) co_await sleep(std::chrono::microseconds(random() % 200));
    }
}

task<void> read_with_timeouts(stream_under_test& stream, std::string_view text, std::minstd_rand random) {
    std::size_t used = 0;
    while (used < text.size()) {
        const reading how = random() % 2 == 0 ? reading::chunks : reading::pieces;
        const auto delay = std::chrono::microseconds(random() % 150);
        const auto got = co_await move_on_after(delay, read_by(stream, how));
        if (!got) continue;
        require(!got->empty(), "the end is read");
        require(text.substr(used, got->size()) == *got, "bytes are lost or doubled at byte " + std::to_string(used));
        used += got->size();
    }
}

task<void> cancelled_at_random(stream_kit& kit) {
    connection c = co_await kit.connect();
    const std::string text = pattern(200'000);
    co_await gather(write_slowly(*c.near, text, kit.random), read_with_timeouts(*c.far, text, kit.random));
}

constexpr stream_check checks[] = {
    {"an operation that is entered in a cancelled scope does nothing", &refused_operations},
    {"close takes effect in a cancelled scope", &forced_close},
    {"a read that is cancelled before bytes arrive loses none", &cancelled_before_arrival},
    {"a read that is cancelled while bytes arrive loses none", &cancelled_at_arrival},
    {"reads that are cancelled at random moments lose no byte", &cancelled_at_random},
};

}  // namespace

std::span<const stream_check> cancellation_checks() noexcept { return checks; }

}  // namespace async::inline v0::testing::internal
