// libasync itself.
#include "micro.hpp"

#include <libasync/async.hpp>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace {

using micro::stopwatch;

constexpr const char* peer = "libasync";

[[gnu::noinline]] async::task<int> child() { co_return 1; }

async::task<void> await_child() {
    constexpr std::size_t operations = 20'000'000;
    const stopwatch time(peer, "await_child");
    std::size_t sum = 0;
    for (std::size_t i = 0; i < operations; ++i) sum += static_cast<std::size_t>(co_await child());
    time.report(operations);
    if (sum != operations) std::abort();
}

async::task<void> yield() {
    constexpr std::size_t operations = 10'000'000;
    const stopwatch time(peer, "yield");
    for (std::size_t i = 0; i < operations; ++i) co_await async::yield();
    time.report(operations);
}

async::task<void> create_task_join() {
    constexpr std::size_t operations = 2'000'000;
    const stopwatch time(peer, "create_task_join");
    for (std::size_t i = 0; i < operations; ++i) {
        auto handle = async::create_task(child());
        co_await std::move(handle);
    }
    time.report(operations);
}

async::task<void> gather() {
    const stopwatch time(peer, "gather_100k");
    for (std::size_t round = 0; round < micro::gathers; ++round) {
        std::vector<async::task<int>> tasks;
        tasks.reserve(micro::children);
        for (std::size_t i = 0; i < micro::children; ++i) tasks.push_back(child());
        const auto values = co_await async::gather(std::move(tasks));
        if (values.size() != micro::children) std::abort();
    }
    time.report(micro::gathers * micro::children);
}

async::task<void> lock() {
    constexpr std::size_t operations = 20'000'000;
    async::lock door;
    const stopwatch time(peer, "lock_release");
    for (std::size_t i = 0; i < operations; ++i) {
        co_await door.acquire();
        door.release();
    }
    time.report(operations);
}

async::task<void> queue() {
    constexpr std::size_t operations = 10'000'000;
    async::queue<std::size_t> items(1);
    std::size_t sum = 0;
    const stopwatch time(peer, "queue_put_or_get");
    for (std::size_t i = 0; i < operations; ++i) {
        co_await items.put(i % 2);
        sum += co_await items.get();
    }
    time.report(2 * operations);
    if (sum != operations / 2) std::abort();
}

async::task<void> echo_items(async::queue<std::size_t>& in, async::queue<std::size_t>& out, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t item = co_await in.get();
        co_await out.put(item);
    }
}

// Both tasks wait in each round.
async::task<void> queue_ping_pong() {
    constexpr std::size_t operations = 3'000'000;
    async::queue<std::size_t> there(1);
    async::queue<std::size_t> back(1);
    auto other = async::create_task(echo_items(there, back, operations));
    const stopwatch time(peer, "queue_ping_pong");
    std::size_t sum = 0;
    for (std::size_t i = 0; i < operations; ++i) {
        co_await there.put(i % 2);
        sum += co_await back.get();
    }
    time.report(operations);
    co_await std::move(other);
    if (sum != operations / 2) std::abort();
}

async::task<void> echo_messages(async::channel_receiver<std::size_t> in, async::channel_sender<std::size_t> out) {
    while (auto item = co_await in.receive()) co_await out.send(*item);
}

// Both tasks wait in each round.
async::task<void> channel_ping_pong() {
    constexpr std::size_t operations = 3'000'000;
    async::channel<std::size_t> there(1);
    async::channel<std::size_t> back(1);
    auto other = async::create_task(echo_messages(std::move(there.receiver), std::move(back.sender)));
    const stopwatch time(peer, "channel_ping_pong");
    std::size_t sum = 0;
    for (std::size_t i = 0; i < operations; ++i) {
        co_await there.sender.send(i % 2);
        sum += *co_await back.receiver.receive();
    }
    time.report(operations);
    there.sender.close();
    co_await std::move(other);
    if (sum != operations / 2) std::abort();
}

async::task<void> timer_rearm() {
    constexpr std::size_t operations = 2'000'000;
    micro::random_numbers random;
    auto& loop = async::this_loop();
    std::allocator<async::timer> memory;  // timers stay where they are, so no vector of them grows
    const std::span<async::timer> timers(memory.allocate(micro::timers), micro::timers);
    for (async::timer& t : timers) {
        std::construct_at(&t, loop, [] {});
        t.set(loop.now() + random.delay());
    }
    const stopwatch time(peer, "timer_rearm_1m");
    for (std::size_t i = 0; i < operations; ++i) timers[random.index()].set(loop.now() + random.delay());
    time.report(operations);
    std::destroy(timers.begin(), timers.end());
    memory.deallocate(timers.data(), timers.size());
    co_return;
}

async::task<void> post_self() {
    constexpr std::size_t operations = 5'000'000;
    auto& loop = async::this_loop();
    std::size_t done = 0;
    const stopwatch time(peer, "post_self");
    for (std::size_t i = 0; i < operations; ++i) {
        loop.post([&done] { ++done; });
        co_await async::yield();
    }
    time.report(done);
}

void post_from_thread() {
    async::runner runner{async::loop_options{}};
    auto& loop = runner.loop();
    micro::post_round_trip(
        peer, [&loop](auto job) { loop.post(job); },
        [&runner](auto finished) {
            while (!finished()) runner.turn(async::turn::wait);
        });
}

}  // namespace

int main() {
    micro::pin(0);
    for (std::size_t pass = 0; pass < micro::passes; ++pass) {
        async::run(await_child());
        async::run(yield());
        async::run(create_task_join());
        async::run(gather());
        async::run(lock());
        async::run(queue());
        async::run(queue_ping_pong());
        async::run(channel_ping_pong());
        async::run(post_self());
        post_from_thread();
        async::run(timer_rearm());
    }
}
