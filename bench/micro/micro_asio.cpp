// Boost.Asio: `awaitable` coroutines, steady_timer, post.
#include "micro.hpp"

#include <boost/asio.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <vector>

namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::use_awaitable;
using boost::system::error_code;
using micro::stopwatch;

constexpr const char* peer = "asio";

[[gnu::noinline]] awaitable<int> child() { co_return 1; }

awaitable<void> await_child() {
    constexpr std::size_t operations = 5'000'000;
    const stopwatch time(peer, "await_child");
    std::size_t sum = 0;
    for (std::size_t i = 0; i < operations; ++i) sum += static_cast<std::size_t>(co_await child());
    time.report(operations);
    if (sum != operations) std::abort();
}

awaitable<void> yield() {
    constexpr std::size_t operations = 1'000'000;
    const auto executor = co_await asio::this_coro::executor;
    const stopwatch time(peer, "yield");
    for (std::size_t i = 0; i < operations; ++i) co_await asio::post(executor, use_awaitable);
    time.report(operations);
}

awaitable<void> create_task_join() {
    constexpr std::size_t operations = 300'000;
    const auto executor = co_await asio::this_coro::executor;
    const stopwatch time(peer, "create_task_join");
    for (std::size_t i = 0; i < operations; ++i) co_await asio::co_spawn(executor, child(), use_awaitable);
    time.report(operations);
}

void gather(asio::io_context& context) {
    std::size_t sum = 0;
    const stopwatch time(peer, "gather_100k");
    for (std::size_t round = 0; round < micro::gathers; ++round) {
        for (std::size_t i = 0; i < micro::children; ++i)
            asio::co_spawn(context, child(),
                           [&sum](std::exception_ptr, int value) { sum += static_cast<std::size_t>(value); });
        context.restart();
        context.run();
    }
    time.report(micro::gathers * micro::children);
    if (sum != micro::gathers * micro::children) std::abort();
}

using channel = asio::experimental::channel<void(error_code, std::size_t)>;

awaitable<void> echo_messages(channel& in, channel& out, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t item = co_await in.async_receive(use_awaitable);
        co_await out.async_send(error_code(), item, use_awaitable);
    }
}

// Both coroutines wait in each round.
awaitable<void> channel_ping_pong() {
    constexpr std::size_t operations = 300'000;
    const auto executor = co_await asio::this_coro::executor;
    channel there(executor, 1);
    channel back(executor, 1);
    asio::co_spawn(executor, echo_messages(there, back, operations), asio::detached);
    const stopwatch time(peer, "channel_ping_pong");
    std::size_t sum = 0;
    for (std::size_t i = 0; i < operations; ++i) {
        co_await there.async_send(error_code(), i % 2, use_awaitable);
        sum += co_await back.async_receive(use_awaitable);
    }
    time.report(operations);
    if (sum != operations / 2) std::abort();
}

// The handlers of the waits that are replaced run within the measured time, as they would in a program.
void timer_rearm(asio::io_context& context) {
    constexpr std::size_t operations = 500'000;
    micro::random_numbers random;
    std::vector<asio::steady_timer> timers;
    timers.reserve(micro::timers);
    const auto set = [&random](asio::steady_timer& timer) {
        timer.expires_after(random.delay());
        timer.async_wait([](error_code) {});
    };
    for (std::size_t i = 0; i < micro::timers; ++i) set(timers.emplace_back(context));
    context.restart();
    const stopwatch time(peer, "timer_rearm_1m");
    for (std::size_t i = 0; i < operations; ++i) {
        set(timers[random.index()]);
        if (i % 1000 == 0) context.poll();
    }
    time.report(operations);
}

void post_self(asio::io_context& context) {
    constexpr std::size_t operations = 1'000'000;
    std::size_t done = 0;
    context.restart();
    const auto work = asio::make_work_guard(context);
    const stopwatch time(peer, "post_self");
    for (std::size_t i = 0; i < operations; ++i) {
        asio::post(context, [&done] { ++done; });
        context.run_one();
    }
    time.report(done);
}

void post_from_thread(asio::io_context& context) {
    context.restart();
    const auto work = asio::make_work_guard(context);
    micro::post_round_trip(
        peer, [&context](auto job) { asio::post(context, job); },
        [&context](auto finished) {
            while (!finished()) context.run_one();
        });
}

void run(asio::io_context& context, awaitable<void> question) {
    asio::co_spawn(context, std::move(question), asio::detached);
    context.restart();
    context.run();
}

}  // namespace

int main() {
    micro::pin(0);
    for (std::size_t pass = 0; pass < micro::passes; ++pass) {
        asio::io_context context{1};
        run(context, await_child());
        run(context, yield());
        run(context, create_task_join());
        gather(context);
        run(context, channel_ping_pong());
        post_self(context);
        asio::io_context shared;  // used from two threads, so its locks stay on
        post_from_thread(shared);
        timer_rearm(context);
    }
}
