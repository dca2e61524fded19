// SIGINT and run: the first one cancels main, a second one ends the process.
#include <doctest/doctest.h>

#include <csignal>

#include <libasync/coro/run.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

#ifndef _WIN32

using namespace async_tests;

namespace {

using signal_handler = void (*)(int);

bool interrupt_handler_is(signal_handler handler) {
    struct sigaction now{};
    ::sigaction(SIGINT, nullptr, &now);
    return now.sa_handler == handler;
}

// The tests may have been started with the signal ignored.
class interrupt_set_to {
public:
    explicit interrupt_set_to(signal_handler handler) : before_(std::signal(SIGINT, handler)) {}
    interrupt_set_to(const interrupt_set_to&) = delete;
    interrupt_set_to& operator=(const interrupt_set_to&) = delete;
    ~interrupt_set_to() { std::signal(SIGINT, before_); }

private:
    signal_handler before_;
};

volatile std::sig_atomic_t own_calls = 0;
extern "C" void own_handler(int) { own_calls = own_calls + 1; }

task<void> interrupted(bool& cleaned_up) {
    std::raise(SIGINT);
    try {
        co_await sleep(24h);
    } catch (const cancelled&) {
        cleaned_up = true;
        throw;
    }
}

}  // namespace

TEST_CASE("SIGINT cancels main, and run of a task<void> returns normally after its clean-up") {
    const interrupt_set_to standard(SIG_DFL);
    bool cleaned_up = false;
    async::run(interrupted(cleaned_up));
    CHECK(cleaned_up);
    CHECK(interrupt_handler_is(SIG_DFL));
}

TEST_CASE("SIGINT cancels main, and run of a task with a result throws task_cancelled") {
    const interrupt_set_to standard(SIG_DFL);
    auto main = []() -> task<int> {
        bool cleaned_up = false;
        co_await interrupted(cleaned_up);
        co_return 1;
    };
    CHECK_THROWS_AS(async::run(main()), task_cancelled);
}

TEST_CASE("a main that swallows the interruption gives its result; one that fails in its clean-up, its failure") {
    const interrupt_set_to standard(SIG_DFL);
    auto swallows = []() -> task<int> {
        std::raise(SIGINT);
        try {
            co_await sleep(24h);
        } catch (const cancelled&) {
        }
        co_return 5;
    };
    CHECK(async::run(swallows()) == 5);
    auto fails = []() -> task<void> {
        std::raise(SIGINT);
        try {
            co_await sleep(24h);
        } catch (const cancelled&) {
            throw std::runtime_error("clean-up broke");
        }
    };
    CHECK_THROWS_AS(async::run(fails()), std::runtime_error);
}

TEST_CASE("after the first SIGINT the second one has its default effect") {
    const interrupt_set_to standard(SIG_DFL);
    async::run([]() -> task<void> {
        CHECK_FALSE(interrupt_handler_is(SIG_DFL));
        std::raise(SIGINT);
        CHECK(interrupt_handler_is(SIG_DFL));
        co_await yield();
    }());
}

TEST_CASE("SIGINT cancels main only: other tasks are cancelled when main has ended") {
    const interrupt_set_to standard(SIG_DFL);
    std::vector<std::string> order;
    auto other = [](std::vector<std::string>& order) -> task<void> {
        try {
            co_await sleep(24h);
        } catch (const cancelled&) {
            order.push_back("other");
            throw;
        }
    };
    auto main = [](auto other, std::vector<std::string>& order) -> task<void> {
        create_task(other(order));
        co_await yield();
        std::raise(SIGINT);
        try {
            co_await sleep(24h);
        } catch (const cancelled&) {
        }
        cancel_scope shield(time_point::max(), shielding::shielded);
        auto clean_up = []() -> task<void> { co_await sleep(1ms); };
        co_await shield.run(clean_up());
        order.push_back("main");
    };
    async::run(main(other, order));
    CHECK(order == std::vector<std::string>{"main", "other"});
}

TEST_CASE("each run of a runner is interrupted on its own") {
    const interrupt_set_to standard(SIG_DFL);
    runner r;
    for (int i = 0; i < 3; ++i) {
        bool cleaned_up = false;
        r.run(interrupted(cleaned_up));
        CHECK(cleaned_up);
        bool finished = false;
        r.run([](bool& finished) -> task<void> {
            co_await sleep(10us);
            finished = true;
        }(finished));
        CHECK(finished);
    }
}

TEST_CASE("a handler that somebody else installed is left alone") {
    const interrupt_set_to own(own_handler);
    own_calls = 0;
    bool finished = false;
    async::run([](bool& finished) -> task<void> {
        std::raise(SIGINT);
        co_await sleep(100us);
        finished = true;
    }(finished));
    CHECK(own_calls == 1);
    CHECK(finished);
    CHECK(interrupt_handler_is(own_handler));
}

TEST_CASE("a program that ignores SIGINT goes on ignoring it") {
    const interrupt_set_to ignored(SIG_IGN);
    bool finished = false;
    async::run([](bool& finished) -> task<void> {
        std::raise(SIGINT);
        co_await sleep(100us);
        finished = true;
    }(finished));
    CHECK(finished);
    CHECK(interrupt_handler_is(SIG_IGN));
}

#else

TEST_CASE("SIGINT cancels main") { MESSAGE("skipped: a Windows program cannot send itself a SIGINT that it survives"); }

#endif
