#include <libasync/coro/run_workers.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <csignal>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#ifndef _WIN32
#include <unistd.h>
#endif

#include <libasync/io/parallelism.hpp>
#include <libasync/net/port_reservation.hpp>
#include <libasync/net/tcp_server.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/system.hpp>

using namespace async_tests;

// In a simulated world each worker would be alone in a world of its own, where nothing of the others can come.
#define SKIP_ON_SIM()                                                         \
    if (on_sim()) {                                                           \
        MESSAGE("skipped: simulated workers live in worlds of their own");    \
        return;                                                               \
    }

namespace {

// Whom the workers were, from all threads.
class roll {
public:
    void enter(unsigned index) {
        const std::lock_guard lock(mutex_);
        indices_.insert(index);
        threads_.insert(std::this_thread::get_id());
    }
    std::size_t workers() const { return indices_.size(); }
    std::size_t threads() const { return threads_.size(); }
    bool has(std::thread::id id) const { return threads_.count(id) != 0; }

private:
    std::mutex mutex_;
    std::multiset<unsigned> indices_;
    std::set<std::thread::id> threads_;
};

task<void> wait_for_end(std::atomic<int>& cancellations) {
    try {
        for (;;) co_await sleep(24h);
    } catch (const cancelled&) {
        ++cancellations;
        throw;
    }
}

std::string failure_of(unsigned count, detail::worker_main main, unsigned& worker) {
    try {
        run_workers(count, std::move(main));
    } catch (const worker_failed& e) {
        worker = e.worker();
        return e.what();
    }
    return {};
}

}  // namespace

TEST_CASE("each worker has a thread and a loop of its own; the caller's thread is worker 0") {
    roll seen;
    const std::thread::id here = std::this_thread::get_id();
    std::atomic<int> firsts{0};
    run_workers(4, [&](worker w) -> task<void> {
        CHECK(w.count() == 4);
        seen.enter(w.index());
        if (std::this_thread::get_id() == here) firsts += w.index() == 0;
        co_await yield();
        CHECK(&this_loop().core() == detail::this_core);
    });
    CHECK(seen.workers() == 4);
    CHECK(seen.threads() == 4);
    CHECK(seen.has(here));
    CHECK(firsts == 1);
    CHECK(detail::this_core == nullptr);
}

TEST_CASE("main may take nothing, and keeps its captures; one worker is enough") {
    std::atomic<int> count{0};
    auto kept = std::make_unique<int>(2);
    run_workers(3, [&count, kept = std::move(kept)]() -> task<void> {
        count += *kept;
        co_return;
    });
    CHECK(count == 6);
    run_workers(1, [&count]() -> task<void> {
        ++count;
        co_return;
    });
    CHECK(count == 7);
}

TEST_CASE("a count of 0 means as many as can run at once") {
    CHECK(available_parallelism() >= 1);
    std::atomic<unsigned> count{0};
    run_workers(0, [&count]() -> task<void> {
        ++count;
        co_return;
    });
    CHECK(count == available_parallelism());
}

TEST_CASE("the first failure cancels the other workers, and is thrown with the worker's number") {
    for (unsigned failing = 0; failing < 3; ++failing) {
        std::atomic<int> cancellations{0};
        unsigned worker = 99;
        auto main = [&](async::worker w) -> task<void> {
            if (w.index() == failing) {
                co_await sleep(1ms);
                throw std::runtime_error("out of order");
            }
            co_await wait_for_end(cancellations);
        };
        const std::string what = failure_of(3, main, worker);
        CHECK(what == "worker " + std::to_string(failing) + ": out of order");
        CHECK(worker == failing);
        CHECK(cancellations == 2);
    }
}

TEST_CASE("a main that makes no task is a failure too; later failures are logged") {
    log_recorder log;
    unsigned worker = 99;
    auto throws_at_once = [](async::worker w) -> task<void> {
        if (w.index() == 1) throw std::runtime_error("no task");  // of the call, when the task is begun
        try {
            for (;;) co_await sleep(24h);
        } catch (const cancelled&) {
            throw std::runtime_error("no clean end");
        }
    };
    CHECK(failure_of(2, throws_at_once, worker) == "worker 1: no task");
    CHECK(log.has("worker 0: no clean end"));
    CHECK(failure_of(2, [](async::worker) -> task<void> { throw std::bad_alloc(); }, worker).starts_with("worker "));
}

TEST_CASE("run_workers refuses to run on a thread that has a loop") {
    async::run([]() -> task<void> {
        CHECK_THROWS_AS(run_workers(1, []() -> task<void> { co_return; }), std::logic_error);
        co_return;
    }());
}

TEST_CASE("workers run tasks on each other's loops; one that has ended is errc::closed") {
    SKIP_ON_SIM();
    std::atomic<int> sum{0};
    run_workers(3, [&sum](worker w) -> task<void> {
        auto add = [](std::atomic<int>& sum, int n) -> task<int> {
            co_await yield();
            co_return sum += n;
        };
        if (w.index() != 0) co_return;
        std::error_code code;
        auto ask = [](worker w, std::atomic<int>& sum, auto add) -> task<void> {
            try {
                static_cast<void>(co_await w.submit(1, add(sum, 1)));
            } catch (const task_cancelled&) {  // it has just ended
            }
        };
        while (!code) code = co_await error_of(ask(w, sum, add));
        CHECK(code == errc::closed);
        const int before = sum;
        const int after = co_await w.submit(0, add(sum, 100));
        CHECK(after == before + 100);
        CHECK_THROWS_AS(static_cast<void>(w.submit(3, add(sum, 1))), std::out_of_range);
    });
}

TEST_CASE("everybody asks everybody") {
    SKIP_ON_SIM();
    std::atomic<int> answers{0};
    std::atomic<unsigned> ready{0};
    run_workers(3, [&](worker w) -> task<void> {
        auto answer = [](unsigned n) -> task<unsigned> {
            co_await yield();
            co_return n;
        };
        for (unsigned round = 0; round < 100; ++round) {
            for (unsigned to = 0; to < 3; ++to) {
                const unsigned n = co_await w.submit(to, answer(round));
                answers += n == round;
            }
        }
        ++ready;
        while (ready != 3) co_await sleep(100us);  // the others may still ask
    });
    CHECK(answers == 900);
}

#ifndef _WIN32
TEST_CASE("SIGINT cancels all workers, at once, and run_workers returns") {
    const auto before = std::signal(SIGINT, SIG_DFL);
    std::atomic<int> cancellations{0};
    std::atomic<int> started{0};
    auto wait_for_signal = [](std::atomic<int>& started, std::atomic<int>& cancellations) -> task<void> {
        try {
            ++started;
            for (;;) co_await sleep(24h);
        } catch (const cancelled&) {
            ++cancellations;
            throw;
        }
    };
    auto others = [](std::atomic<int>& cancellations) -> task<void> {
        while (cancellations != 3) co_await sleep(100us);  // they do not wait for this one to end
    };
    auto raise_late = [](std::atomic<int>& started) -> task<void> {
        while (started != 3) co_await sleep(100us);
        ::kill(::getpid(), SIGINT);
    };
    run_workers(3, [&](worker w) -> task<void> {
        if (w.index() == 2) create_task(raise_late(started));
        if (w.index() == 0) {
            co_await finally(wait_for_signal(started, cancellations), others(cancellations));
        } else {
            co_await wait_for_signal(started, cancellations);
        }
    });
    CHECK(cancellations == 3);
    std::signal(SIGINT, before);
}
#endif

TEST_CASE("workers share a port of the system's choice, and the kernel spreads the connections") {
    SKIP_ON_SIM();
#ifndef __linux__
    MESSAGE("skipped: ports are not shared here");
#else
    const int before = open_descriptors();
    {
        const port_reservation port(endpoint::loopback(0));
        CHECK(port.local_endpoint().port() != 0);
        std::vector<std::uint64_t> accepted(3);
        std::atomic<unsigned> listening{0};
        std::atomic<bool> over{false};
        auto handler = [](tcp_stream stream) -> task<void> {
            const chunk data = co_await stream.read();
            co_await stream.write(data);
        };
        auto clients = [&](endpoint where) -> task<void> {
            for (int i = 0; i < 300; ++i) {
                tcp_stream client = co_await connect(where);
                co_await client.write("x");
                const std::string answer = co_await read_exactly(client, 1);
                CHECK(answer == "x");
            }
        };
        run_workers(3, [&](worker w) -> task<void> {
            tcp_server server{port.local_endpoint(), handler, {.listen = {.reuse_port = true}}};
            ++listening;
            auto serving = create_task(server.serve());
            while (listening != 3) co_await sleep(100us);
            if (w.index() == 0) {
                co_await clients(port.local_endpoint());
                over = true;
            }
            while (!over) co_await sleep(1ms);
            server.close();
            co_await serving;
            accepted[w.index()] = server.accepted();
        });
        std::uint64_t all = 0;
        for (const std::uint64_t a : accepted) {
            CHECK(a > 0);
            all += a;
        }
        CHECK(all == 300);
        CHECK_THROWS_AS(port_reservation(endpoint("192.0.2.1", 0)), std::system_error);
    }
    CHECK(open_descriptors() == before);
#endif
}
