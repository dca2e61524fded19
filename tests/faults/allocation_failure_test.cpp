// Memory runs out at each place where the library asks for some: every awaitable fails as it should, once, and leaves
// nothing behind.
#include <libasync/testing/allocation_failure.hpp>

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <libasync/async.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/files.hpp>
#include <tests/support/network.hpp>
#include <tests/support/own_address.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;
using async::file;
using async::testing::allocation_failure_report;
using async::testing::fail_every_allocation;
using async::testing::no_failures;

namespace {

// A wrong result is an error of a kind that the harness does not accept.
void must(bool holds, const char* what) {
    if (holds) return;
    const no_failures meanwhile;
    throw std::logic_error(what);
}

// A recorder would keep memory.
struct silent_log {
    silent_log() {
        async::set_log_handler([](log_level, std::string_view) {});
    }
    ~silent_log() { async::set_log_handler({}); }
};

// Fails where the scenario has no allocation to fail, and so shows nothing.
template <class Scenario>
void survives(Scenario scenario) {
    const silent_log silence;
    allocation_failure_report report;
    CHECK_NOTHROW(report = fail_every_allocation(scenario));
    CHECK(report.runs > 0);
    CHECK(report.failed_runs > 0);
}

task<int> number_later(int n) {
    co_await yield();
    co_return n;
}

task<void> write_and_end(tcp_stream& stream, std::string_view text) {
    co_await stream.write(text.substr(0, 5), text.substr(5));
    co_await stream.shutdown_write();
}

task<void> expect_by_chunks(tcp_stream& stream, std::string_view text) {
    std::size_t used = 0;
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) break;
        must(text.substr(used, data.size()) == data.text(), "the bytes arrive");
        used += data.size();
    }
    must(used == text.size(), "all bytes arrive");
    co_await stream.close();
}

task<void> expect_in_memory(tcp_stream& stream, std::string_view text) {
    std::array<char, 4096> memory;
    std::size_t used = 0;
    for (;;) {
        const std::size_t count = co_await stream.read_some(std::as_writable_bytes(std::span(memory)));
        if (count == 0) break;
        must(text.substr(used, count) == std::string_view(memory.data(), count), "the bytes arrive");
        used += count;
    }
    must(used == text.size(), "all bytes arrive");
    co_await stream.close();
}

// A connection that is not there for lack of memory on the other side.
[[noreturn]] void turned_away() {
    throw std::system_error(std::make_error_code(std::errc::not_enough_memory), "the listener has turned us away");
}

task<tcp_stream> knock(endpoint where) {
    tcp_stream stream = co_await async::connect(where);
    std::array<std::byte, 1> greeting;
    result<std::size_t> count = co_await as_result(stream.read_some(greeting));
    if (!count && count.error() != std::errc::connection_reset) throw std::system_error(count.error());
    if (!count || *count == 0) turned_away();
    co_return stream;
}

task<tcp_stream> open_door(tcp_listener& listener) {
    tcp_stream stream = co_await listener.accept();
    co_await stream.write("!");
    co_return stream;
}

task<stream_pair> meet() {
    tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
    auto [client, server] = co_await gather(knock(listener.local_endpoint()), open_door(listener));
    co_await listener.close();
    co_return stream_pair(std::move(client), std::move(server));
}

const std::string& long_text() {
    static const std::string text = pattern(300'000);
    return text;
}

}  // namespace

TEST_CASE("without memory a runner is not made, and leaves nothing behind") {
    survives([] {
        runner r;
        r.run([]() -> task<void> { co_return; }());
    });
}

TEST_CASE("without memory yield, await and sleep fail, and the loop goes on") {
    survives([]() -> task<void> {
        co_await yield();
        const int n = co_await number_later(3);
        must(n == 3, "a child gives its result");
        co_await sleep(1us);
        co_await sleep_until(this_loop().now());
    });
}

TEST_CASE("without memory hundreds of sleeps at once fail together") {
    survives([]() -> task<void> {
        constexpr int sleepers = 200;
        std::vector<task<void>> tasks;
        tasks.reserve(sleepers);
        auto one = []() -> task<void> { co_await sleep(10us); };
        for (int i = 0; i < sleepers; ++i) tasks.push_back(one());
        co_await gather(std::move(tasks));
    });
}

TEST_CASE("without memory create_task starts nothing, and a join gives what the task threw") {
    survives([]() -> task<void> {
        task_handle<int> handle = create_task(number_later(2), "a task with a name that is not short at all");
        co_await handle.wait();
        const int n = co_await handle;
        must(n == 2, "a join gives the result");
    });
}

TEST_CASE("without memory a done callback is refused, or called") {
    survives([]() -> task<void> {
        const auto called = std::make_shared<int>(0);
        task_handle<int> handle = create_task(number_later(2));
        handle.add_done_callback([called] { ++*called; });
        handle.add_done_callback([called] { ++*called; });
        co_await handle;
        handle.add_done_callback([called] { ++*called; });
        co_await yield();
        co_await yield();
        must(*called == 3, "done callbacks are called");
    });
}

TEST_CASE("without memory gather cancels what it has started") {
    survives([]() -> task<void> {
        auto [a, b, c] = co_await gather(number_later(1), number_later(2), sleep(1us));
        must(a + b == 3, "gather gives all results");
        static_cast<void>(c);
    });
    survives([]() -> task<void> {
        std::vector<task<int>> tasks;
        for (int i = 0; i < 5; ++i) tasks.push_back(number_later(i));
        const std::vector<int> results = co_await gather(std::move(tasks));
        must(results.size() == 5 && results[4] == 4, "gather gives all results");
    });
}

TEST_CASE("without memory time-outs and scopes fail, or do what they are for") {
    survives([]() -> task<void> {
        const int n = co_await timeout(24h, number_later(3));
        must(n == 3, "what is in time gives its result");
        const bool late = co_await throws<timeout_error>(timeout(1us, sleep(24h)));
        must(late, "a time-out throws");
        const auto nothing = co_await move_on_after(1us, sleep(24h));
        must(!nothing, "moving on gives nothing");
    });
    survives([]() -> task<void> {
        cancel_scope scope(this_loop().deadline_after(24h));
        auto cancel = [](cancel_scope& s) -> task<void> {
            co_await yield();
            s.set_deadline(this_loop().deadline_after(12h));
            s.cancel();
        };
        auto sleeper = []() -> task<void> { co_await sleep(24h); };
        task_handle<void> canceller = create_task(cancel(scope));
        co_await gather(scope.run(sleeper()), canceller.wait());
        canceller.result();
        must(scope.cancelled_caught(), "a scope absorbs its cancellation");
    });
}

namespace {

task<void> put_numbers(async::queue<std::string>& q, int count) {
    for (int i = 0; i < count; ++i) co_await q.put("an item that is too long to be kept in place " + std::to_string(i));
    q.shutdown();
}

task<int> count_items(async::queue<std::string>& q) {
    int count = 0;
    for (;;) {
        try {
            const std::string item = co_await q.get();
            must(item.ends_with(std::to_string(count)), "items come in their order");
            ++count;
        } catch (const queue_shut_down&) {
            co_return count;
        }
    }
}

task<void> meet_inside(lock& door, barrier& all, event& go) {
    co_await go.wait();
    static_cast<void>(co_await all.wait());
    const auto guard = co_await door.scoped();
    co_await yield();
}

}  // namespace

TEST_CASE("without memory an item is put or not, and what was put is got") {
    survives([]() -> task<void> {
        async::queue<std::string> q;
        const auto [nothing, count] = co_await gather(put_numbers(q, 9), count_items(q));
        must(count == 9, "what was put is got");
    });
}

TEST_CASE("without memory locks, barriers and events are taken all the same, by those tasks that there are") {
    survives([]() -> task<void> {
        lock door;
        barrier all(2);
        event go;
        auto start = [](event& go) -> task<void> {
            co_await yield();
            go.set();
        };
        co_await gather(meet_inside(door, all, go), meet_inside(door, all, go), start(go));
        must(!door.locked() && all.n_waiting() == 0, "nobody is left");
    });
}

TEST_CASE("without memory callbacks are refused, or called") {
    // What was accepted is called even if the scenario has ended by then.
    survives([]() -> task<void> {
        const auto called = std::make_shared<int>(0);
        std::array<char, 100> large{};
        this_loop().call_soon([called] { ++*called; });
        this_loop().call_soon([called, large] { *called += 1 + large[0]; });
        this_loop().call_later(1us, [called] { ++*called; });
        this_loop().post([called] { ++*called; });
        while (*called != 4) co_await sleep(10us);
    });
    survives([]() -> task<void> {
        int called = 0;
        notifier n(this_loop(), [&called] { ++called; });
        timer t(this_loop(), [&called] { ++called; });
        n.notify();
        t.set_after(1us);
        while (called != 2) co_await sleep(10us);
    });
}

TEST_CASE("without memory a connection is not made, and both sides know") {
    survives([]() -> task<void> {
        stream_pair pair = co_await meet();
        co_await gather(pair.client.close(), pair.server.close());
    });
}

TEST_CASE("without memory reads by chunk and writes fail, or transfer every byte") {
    survives([]() -> task<void> {
        stream_pair pair = co_await meet();
        co_await gather(write_and_end(pair.client, long_text()), expect_by_chunks(pair.server, long_text()));
        co_await pair.client.close();
    });
}

TEST_CASE("without memory reads into memory and writes fail, or transfer every byte") {
    survives([]() -> task<void> {
        stream_pair pair = co_await meet();
        co_await gather(write_and_end(pair.client, long_text()), expect_in_memory(pair.server, long_text()));
        co_await pair.client.close();
    });
}

TEST_CASE("without memory errors of a stream are told by an exception all the same") {
    survives([]() -> task<void> {
        tcp_stream closed;
        std::error_code code = co_await error_of(closed.read());
        must(code == errc::closed || code == std::errc::not_enough_memory, "a closed stream says so");
        const endpoint nobody = tcp_listener::bind(own_address()).local_endpoint();
        code = co_await error_of(async::connect(nobody));
        must(code == std::errc::connection_refused || code == std::errc::not_enough_memory, "a refusal is told");
    });
}

TEST_CASE("without memory files are read and written whole, or not") {
    const temporary_directory directory;
    const std::string path = directory / "a file with a name that is not short at all";
    survives([&path]() -> task<void> {
        co_await write_file(path, long_text());
        const std::string back = co_await read_file(path);
        must(back == long_text(), "what was written is read");
    });
}

TEST_CASE("without memory every operation on a file fails, and the file is closed") {
    const temporary_directory directory;
    const std::string path = directory / "a file with a name that is not short at all";
    survives([&path]() -> task<void> {
        file f = co_await file::open(path, open_mode::write);
        co_await f.write_at("hello", 0);
        co_await f.sync();
        const std::uint64_t size = co_await f.size();
        must(size == 5, "a file has its size");
        co_await f.close();
        f = co_await file::open(path);
        std::array<std::byte, 10> memory;
        const std::size_t count = co_await f.read_at(memory, 0);
        must(count == 5, "what was written is read");
    });
}
