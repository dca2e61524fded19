// SIGINT and run: the first one cancels main, a second one ends the process.
#include <doctest/doctest.h>

#include <csignal>
#include <string>
#include <thread>
#include <vector>

#ifndef _WIN32
#include <pthread.h>
#endif

#include <libasync/coro/run.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/system.hpp>

#ifndef _WIN32

using namespace async_tests;

namespace {

using signal_handler = void (*)(int);

bool interrupt_handler_is(signal_handler handler) {
    struct sigaction now {};
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

TEST_CASE("151: a main that never sleeps, only yields, is interrupted too") {
    const interrupt_set_to standard(SIG_DFL);
    bool told = false;
    auto main = [](bool& told) -> task<void> {
        this_loop().call_later(0s, [] { std::raise(SIGINT); });
        try {
            for (;;) co_await yield();
        } catch (const cancelled&) {
            told = true;
            throw;
        }
    };
    async::run(main(told));
    CHECK(told);
}

TEST_CASE("151: an interrupt wakes a loop that waits, whichever thread the system gives it to") {
    const interrupt_set_to standard(SIG_DFL);
    for (const bool to_main_thread : {true, false}) {
        bool told = false;
        std::thread interrupter;
        auto main = [](bool to_main_thread, bool& told, std::thread& interrupter) -> task<void> {
            const outside_work work(this_engine());
            interrupter = std::thread([to_main_thread, main_thread = ::pthread_self()] {
                if (to_main_thread) {
                    ::pthread_kill(main_thread, SIGINT);
                } else {
                    std::raise(SIGINT);
                }
            });
            event never;
            try {
                co_await never.wait();
            } catch (const cancelled&) {
                told = true;
                throw;
            }
        };
        async::run(main(to_main_thread, told, interrupter));
        interrupter.join();
        CHECK(told);
    }
}

TEST_CASE("151: an interrupted main that joins a task cancels that one too, and waits for it") {
    const interrupt_set_to standard(SIG_DFL);
    std::string notes;
    auto main = [](std::string& notes) -> task<void> {
        auto inner_body = [](std::string& notes) -> task<void> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
                notes += 'i';
                throw;
            }
        };
        auto inner = create_task(inner_body(notes));
        co_await yield();
        std::raise(SIGINT);
        try {
            co_await inner;
        } catch (const cancelled&) {
            notes += 'm';
            throw;
        }
    };
    async::run(main(notes));
    CHECK(notes == "im");
}

TEST_CASE("151: a main that somebody else has cancelled does not end by the interrupt: run throws task_cancelled") {
    const interrupt_set_to standard(SIG_DFL);
    runner r;
    auto main = [](bool cancel_first) -> task<void> {
        async::detail::task_context& here = co_await async::detail::own_context{};
        auto cancel_and_interrupt = [](async::detail::task_context& main, bool cancel_first) -> task<void> {
            if (!cancel_first) std::raise(SIGINT);
            if (!cancel_first) co_await sleep(1us);  // so that it is seen
            main.current_scope->cancel();
            if (cancel_first) std::raise(SIGINT);
        };
        create_task(cancel_and_interrupt(here, cancel_first));
        co_await sleep(24h);
    };
    CHECK_THROWS_AS(r.run(main(true)), task_cancelled);
    r.run(main(false));
}

TEST_CASE("151: while run waits for what main has left behind, an interrupt has its default effect") {
    const interrupt_set_to standard(SIG_DFL);
    bool checked = false;
    auto left = [](bool& checked) -> task<void> {
        try {
            co_await sleep(24h);
        } catch (const cancelled&) {
            checked = interrupt_handler_is(SIG_DFL);
            throw;
        }
    };
    auto main = [](auto left, bool& checked) -> task<void> {
        create_task(left(checked));
        co_await yield();
        CHECK_FALSE(interrupt_handler_is(SIG_DFL));
    };
    async::run(main(left, checked));
    CHECK(checked);
}

TEST_CASE(
    "151: a run on another thread than the first leaves the signal alone, and so does one inside a turn by hand") {
    const interrupt_set_to standard(SIG_DFL);
    bool untouched = false;
    auto main = [](bool& untouched) -> task<void> {
        untouched = interrupt_handler_is(SIG_DFL);
        co_return;
    };
    std::thread([&] { async::run(main(untouched)); }).join();
    CHECK(untouched);
    untouched = false;
    runner r;
    r.create_task(main(untouched));
    r.turn(turn::no_wait);
    CHECK(untouched);
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
