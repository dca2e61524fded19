#include <libasync/loop/notifier.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <thread>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

TEST_CASE("notifications before the callback are taken together, later ones call again") {
    scripted_runner s;
    int calls = 0;
    notifier n(s.loop(), [&] { ++calls; });
    CHECK(n.notify());
    CHECK(n.notify());
    CHECK(n.notify());
    CHECK(calls == 0);
    s.turns(1);
    CHECK(calls == 1);
    s.turns(1);
    CHECK(calls == 1);
    n.notify();
    s.turns(1);
    CHECK(calls == 2);
}

TEST_CASE("a notification from inside the callback calls again in a later turn") {
    scripted_runner s;
    int calls = 0;
    notifier* self = nullptr;
    notifier n(s.loop(), [&] {
        if (++calls < 3) self->notify();
    });
    self = &n;
    n.notify();
    s.turns(1);
    CHECK(calls == 1);
    s.turns(1);
    CHECK(calls == 2);
    s.turns(5);
    CHECK(calls == 3);
}

TEST_CASE("a notifier that is destroyed is not called, also if it was notified") {
    scripted_runner s;
    int calls = 0;
    auto n = std::make_unique<notifier>(s.loop(), [&] { ++calls; });
    n->notify();
    n.reset();
    n = std::make_unique<notifier>(s.loop(), [&] { ++calls; });
    n->notify();
    s.loop().call_soon([&] { n.reset(); });
    s.turns(1);
    s.turns(2);
    CHECK(calls <= 1);
}

TEST_CASE("what a notifier's callback throws is reported, and it can be notified again") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    notifier n(s.loop(), [] { throw std::runtime_error("notified"); });
    n.notify();
    s.turns(1);
    n.notify();
    s.turns(1);
    REQUIRE(recorder.reports.size() == 2);
    CHECK(recorder.reports[1].what == "notified");
    CHECK(recorder.reports[1].file.find("notifier_test.cpp") != std::string::npos);
}

TEST_CASE("threads may notify all at once; the last notification is never lost") {
    runner r;
    std::atomic<int> produced = 0;
    int consumed = 0;
    int calls = 0;
    notifier n(r.loop(), [&] {
        ++calls;
        consumed = produced.load();
    });
    constexpr int threads = 4;
    constexpr int times = 5000;
    std::vector<std::thread> producers;
    for (int t = 0; t < threads; ++t) {
        producers.emplace_back([&] {
            for (int i = 0; i < times; ++i) {
                ++produced;
                n.notify();
            }
        });
    }
    while (consumed < threads * times) r.turn(turn::wait);
    for (std::thread& thread : producers) thread.join();
    CHECK(consumed == threads * times);
    CHECK(calls >= 1);
    CHECK(calls <= threads * times);
}

#ifndef _WIN32

namespace {

std::atomic<notifier*> signalled{nullptr};

extern "C" void on_user_signal(int) {
    if (notifier* n = signalled.load()) n->notify();
}

}  // namespace

TEST_CASE("a notifier may be used in a signal handler, on the loop's thread and on others") {
    runner r;
    int calls = 0;
    notifier n(r.loop(), [&] { ++calls; });
    signalled = &n;
    const auto before = std::signal(SIGUSR1, on_user_signal);

    r.run([](int& calls) -> task<void> {
        std::raise(SIGUSR1);
        std::raise(SIGUSR1);
        CHECK(calls == 0);
        while (calls == 0) co_await yield();
        CHECK(calls == 1);
    }(calls));

    std::thread raiser([] { std::raise(SIGUSR1); });
    while (calls < 2) r.turn(turn::wait);
    raiser.join();
    CHECK(calls == 2);

    std::signal(SIGUSR1, before);
    signalled = nullptr;
}

#endif
