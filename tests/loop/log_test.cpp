#include <libasync/loop/log.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <tests/support/expect.hpp>

using namespace async_tests;
using async::log_level;

TEST_CASE("a handler receives level and message until it is replaced") {
    std::vector<std::string> first;
    std::vector<std::string> second;
    async::set_log_handler([&](log_level, std::string_view message) { first.emplace_back(message); });
    async::detail::log(log_level::info, "one");
    async::set_log_handler([&](log_level level, std::string_view message) {
        CHECK(level == log_level::warning);
        second.emplace_back(message);
    });
    async::detail::log(log_level::warning, "two");
    async::set_log_handler({});
    CHECK(first == std::vector<std::string>{"one"});
    CHECK(second == std::vector<std::string>{"two"});
}

TEST_CASE("what a log handler throws is dropped, and the next line reaches it again") {
    int calls = 0;
    async::set_log_handler([&](log_level, std::string_view) {
        if (++calls == 1) throw 1;
    });
    async::detail::log(log_level::info, "(this line belongs to the test of a log handler that throws)");
    async::detail::log(log_level::info, "second");
    async::set_log_handler({});
    CHECK(calls == 2);
}

TEST_CASE("what a log handler logs itself does not come back to it") {
    int calls = 0;
    async::set_log_handler([&](log_level, std::string_view) {
        ++calls;
        async::detail::log(log_level::info, "(this line belongs to the test of a log handler that logs)");
    });
    async::detail::log(log_level::info, "one");
    async::detail::log(log_level::info, "two");
    async::set_log_handler({});
    CHECK(calls == 2);
}

TEST_CASE("a log handler may replace itself, and stays until its call has ended") {
    std::vector<std::string> seen;
    async::set_log_handler([&seen, name = std::string("the first handler, which keeps this text")](log_level, auto) {
        async::set_log_handler([&seen](log_level, std::string_view message) { seen.emplace_back(message); });
        async::set_log_handler([&seen](log_level, std::string_view message) {
            seen.emplace_back(message);
            async::set_log_handler({});
        });
        seen.push_back(name);
    });
    async::detail::log(log_level::info, "one");
    async::detail::log(log_level::info, "two");
    async::detail::log(log_level::info, "(this line belongs to the test of a log handler that replaces itself)");
    CHECK(seen == std::vector<std::string>{"the first handler, which keeps this text", "two"});
}

TEST_CASE("a log handler whose end is logged does not wait for itself") {
    struct logs_at_end {
        ~logs_at_end() {
            if (mine) async::detail::log(log_level::info, "(this line belongs to the test of a log handler that ends)");
        }
        logs_at_end() = default;
        logs_at_end(logs_at_end&& other) noexcept : mine(std::exchange(other.mine, false)) {}
        bool mine = true;
    };
    int calls = 0;
    async::set_log_handler([&calls, last = logs_at_end()](log_level, std::string_view) { ++calls; });
    async::detail::log(log_level::info, "one");
    async::set_log_handler({});
    CHECK(calls == 1);
}

TEST_CASE("a log handler that replaces itself may end by waiting for a thread that logs") {
    struct thread_that_logs {
        std::thread thread{[] { async::detail::log(log_level::info, "from its thread"); }};
        ~thread_that_logs() { thread.join(); }
    };
    std::vector<std::string> seen;
    async::set_log_handler([&seen, owned = std::unique_ptr<thread_that_logs>()](log_level, std::string_view) mutable {
        owned = std::make_unique<thread_that_logs>();
        async::set_log_handler([&seen](log_level, std::string_view message) { seen.emplace_back(message); });
    });
    async::detail::log(log_level::info, "one");
    async::set_log_handler({});
    CHECK(seen == std::vector<std::string>{"from its thread"});
}

TEST_CASE("threads may log at once: the handler is called one call at a time") {
    int calls = 0;
    async::set_log_handler([&](log_level, std::string_view) { ++calls; });
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([] {
            for (int i = 0; i < 500; ++i) async::detail::log(log_level::info, "line");
        });
    }
    for (std::thread& thread : threads) thread.join();
    async::set_log_handler({});
    CHECK(calls == 2000);
}
