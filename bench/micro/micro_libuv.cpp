// libuv: uv_timer_start, uv_async_send.
#include "micro.hpp"

#include <uv.h>
#include <vector>

namespace {

using micro::stopwatch;

constexpr const char* peer = "libuv";

void close_all(uv_loop_t& loop) {
    uv_walk(
        &loop,
        [](uv_handle_t* handle, void*) {
            if (!uv_is_closing(handle)) uv_close(handle, nullptr);
        },
        nullptr);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
}

void timer_rearm() {
    constexpr std::size_t operations = 500'000;
    micro::random_numbers random;
    uv_loop_t loop;
    uv_loop_init(&loop);
    std::vector<uv_timer_t> timers(micro::timers);
    const auto set = [&random](uv_timer_t& timer) {
        uv_timer_start(&timer, [](uv_timer_t*) {}, static_cast<std::uint64_t>(random.delay().count()), 0);
    };
    for (auto& timer : timers) {
        uv_timer_init(&loop, &timer);
        set(timer);
    }
    const stopwatch time(peer, "timer_rearm_1m");
    for (std::size_t i = 0; i < operations; ++i) set(timers[random.index()]);
    time.report(operations);
    close_all(loop);
}

struct async_counter {
    uv_async_t handle;
    std::atomic<std::size_t> done{0};

    explicit async_counter(uv_loop_t& loop) {
        uv_async_init(&loop, &handle, [](uv_async_t* async) {
            static_cast<async_counter*>(async->data)->done.fetch_add(1, std::memory_order_release);
        });
        handle.data = this;
    }
};

void post_self() {
    constexpr std::size_t operations = 500'000;
    uv_loop_t loop;
    uv_loop_init(&loop);
    async_counter counter(loop);
    const stopwatch time(peer, "post_self");
    for (std::size_t i = 0; i < operations; ++i) {
        uv_async_send(&counter.handle);
        uv_run(&loop, UV_RUN_ONCE);
    }
    time.report(counter.done);
    close_all(loop);
}

// uv_async_send carries no job; the callback of the handle stands for it.
void post_from_thread() {
    constexpr std::size_t operations = 20'000;
    uv_loop_t loop;
    uv_loop_init(&loop);
    async_counter counter(loop);
    std::thread poster([&counter] {
        micro::pin(1);
        const stopwatch time(peer, "post_round_trip");
        for (std::size_t i = 1; i <= operations; ++i) {
            uv_async_send(&counter.handle);
            while (counter.done.load(std::memory_order_acquire) < i) {
            }
        }
        time.report(operations);
    });
    while (counter.done.load(std::memory_order_acquire) < operations) uv_run(&loop, UV_RUN_ONCE);
    poster.join();
    close_all(loop);
}

}  // namespace

int main() {
    micro::pin(0);
    for (std::size_t pass = 0; pass < micro::passes; ++pass) {
        post_self();
        post_from_thread();
        timer_rearm();
    }
}
