#include <libasync/loop/options.hpp>

#include <doctest/doctest.h>

#include <thread>
#include <type_traits>

#include <tests/support/environment.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

static_assert(std::is_trivially_destructible_v<loop_options>);
static_assert(std::is_trivially_copyable_v<loop_options>);
static_assert(std::is_aggregate_v<loop_options>);

TEST_CASE("options are written in place with designated initialisers") {
    const int answer = async::run(
        []() -> task<int> {
            co_await yield();
            co_return 42;
        }(),
        {.debug = true, .slow_step = 10s, .receive_buffers = 8, .receive_buffer_size = 512, .pool_threads = 1});
    CHECK(answer == 42);
}

namespace {

bool refuses_foreign_threads(async::loop& loop) {
    bool refused = false;
    std::thread([&] {
        try {
            loop.call_soon([] {}).cancel();
        } catch (const std::logic_error&) {
            refused = true;
        }
    }).join();
    return refused;
}

}  // namespace

TEST_CASE("LIBASYNC_DEBUG=1 switches debug mode on, as the option does") {
    {
        environment_variable debug("LIBASYNC_DEBUG", "1");
        scripted_runner s;
        CHECK(refuses_foreign_threads(s.loop()));
        CHECK(s.loop().core().slow_step == 100ms);
    }
    environment_variable debug("LIBASYNC_DEBUG", nullptr);
    scripted_runner with_option({.debug = true, .slow_step = 7ms});
    CHECK(refuses_foreign_threads(with_option.loop()));
    CHECK(with_option.loop().core().slow_step == 7ms);
    scripted_runner without;
    CHECK_FALSE(without.loop().core().debug);
    CHECK(without.loop().core().slow_step == 0ms);
}
