#include <libasync/sim/simulation.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <libasync/async.hpp>

#include <tests/sim/echo_mesh.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/network.hpp>

using namespace async;
using namespace async_tests;
using namespace std::chrono_literals;

namespace {

task<void> echo(tcp_stream stream) {
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) co_return;
        co_await stream.write(data);
    }
}

task<void> serve(tcp_listener& listener, int clients) {
    std::vector<task_handle<void>> children;
    for (int i = 0; i < clients; ++i) children.push_back(create_task(echo(co_await listener.accept())));
    for (auto& child : children) co_await child;
}

task<void> talk(endpoint where, int number) {
    tcp_stream stream = co_await connect(where);
    for (int i = 0; i < 5; ++i) {
        const std::string text = pattern(static_cast<std::size_t>(100 * number + i + 1));
        co_await stream.write(text);
        const std::string got = co_await read_exactly(stream, text.size());
        if (got != text) throw std::logic_error("the echo differs");
    }
    co_await stream.close();
}

task<void> echo_exchange(int clients) {
    tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
    auto server = create_task(serve(listener, clients));
    std::vector<task<void>> talks;
    for (int i = 0; i < clients; ++i) talks.push_back(talk(listener.local_endpoint(), i));
    co_await gather(std::move(talks));
    co_await server;
}

std::uint64_t hash_of(std::uint64_t seed, const sim::options& how = {}) {
    sim::simulation s(seed, how);
    s.run(echo_exchange(4));
    CHECK(s.open_descriptors() == 0);
    return s.trace_hash();
}

task<result<file>> try_to_open(std::string path) {
    try {
        co_return co_await file::open(path, open_mode::append);
    } catch (const std::system_error& e) {
        co_return e.code();
    }
}

// Until it is open, whatever faults there are.
task<file> opened(std::string path) {
    for (;;) {
        result<file> f = co_await try_to_open(path);
        if (f) co_return *std::move(f);
        co_await sleep(1s);
    }
}

task<void> wait_for_ever() {
    for (;;) co_await sleep(std::chrono::hours(1'000'000));
}

constexpr unsigned line_of_the_read = __LINE__ + 3;
task<void> read_what_never_comes() {
    stream_pair pair = co_await connected_pair();
    co_await pair.client.read();
}

}  // namespace

TEST_CASE("a virtual day takes no time, and sleeps end at their very instant") {
    sim::simulation s(1);
    s.run([]() -> task<void> {
        const time_point begin = this_loop().now();
        co_await sleep(24h);
        CHECK(this_loop().now() - begin == 24h);
    }());
    CHECK(s.elapsed() >= 24h);
}

TEST_CASE("the same seed gives the same trace, another seed another one") {
    for (const sim::order order : {sim::order::fifo, sim::order::shuffle, sim::order::adversarial}) {
        const std::uint64_t first = hash_of(1, {.order = order});
        CHECK(hash_of(1, {.order = order}) == first);
        CHECK(hash_of(2, {.order = order}) != first);
    }
}

TEST_CASE("the trace of a seed is the same for every compiler and every level of optimisation") {
    // These change with what is simulated; then they are the new ones, on every compiler.
    CHECK(hash_of(7) == 9390092818343323463U);
    CHECK(hash_of(7, {.order = sim::order::adversarial}) == 6507903775973516947U);
}

TEST_CASE("run gives the result, and throws what main throws") {
    CHECK(sim::run(1, []() -> task<int> { co_return 7; }()) == 7);
    auto fails = []() -> task<void> {
        co_await yield();
        throw std::out_of_range("on purpose");
    };
    log_recorder log;
    CHECK_THROWS_AS(sim::run(12345, fails()), std::out_of_range);
    CHECK(log.has("failed with seed 12345"));
    CHECK(log.has("LIBASYNC_SEED=12345"));
}

TEST_CASE("where nothing can happen any more the run fails and names every suspended task with its awaits") {
    log_recorder log;
    const auto main = []() -> task<void> {
        auto child = create_task(read_what_never_comes(), "reader");
        co_await child;
    };
    std::string message;
    try {
        sim::run(3, main());
    } catch (const stalled_error& e) {
        message = e.what();
    }
    INFO(message);
    CHECK(message.find("nothing that they wait for will come") != std::string::npos);
    CHECK(message.find("task 'main'") != std::string::npos);
    CHECK(message.find("task 'reader'") != std::string::npos);
    CHECK(message.find("simulation_test.cpp:" + std::to_string(line_of_the_read)) != std::string::npos);
    CHECK(log.has("seed 3"));
}

TEST_CASE("what does not end in the time after the last fault has stalled") {
    log_recorder log;
    std::string message;
    try {
        sim::run(1, wait_for_ever(), {.faults_for = 1min, .finish_within = 1h});
    } catch (const stalled_error& e) {
        message = e.what();
    }
    CHECK(message.find("has not ended in the time") != std::string::npos);
}

TEST_CASE(
    "fifo keeps the order of the real loops, shuffle mixes, adversarial turns it round; callbacks stay in order") {
    auto order_of = [](sim::order order, std::uint64_t seed) {
        std::string order_seen;
        std::string callbacks;
        auto step = [](std::string& seen, char name) -> task<void> {
            seen += name;
            co_return;
        };
        auto main = [&]() -> task<void> {
            std::vector<task<void>> steps;
            for (char name = 'a'; name <= 'f'; ++name) steps.push_back(step(order_seen, name));
            for (char name = '0'; name <= '5'; ++name) this_loop().call_soon([&, name] { callbacks += name; });
            co_await gather(std::move(steps));
            co_await sleep(1s);
        };
        sim::run(seed, main(), {.order = order});
        CHECK(callbacks == "012345");
        return order_seen;
    };
    CHECK(order_of(sim::order::fifo, 1) == "abcdef");
    CHECK(order_of(sim::order::adversarial, 1) == "fedcba");
    CHECK(order_of(sim::order::shuffle, 1) != order_of(sim::order::shuffle, 2));
}

TEST_CASE("a program that waits busily for the clock sees it move") {
    sim::run(1, []() -> task<void> {
        const time_point until = this_loop().deadline_after(1ms);
        while (this_loop().now() < until) co_await yield();
    }());
}

TEST_CASE("functions of the simulation say so where the loop is a real one") {
    auto main = []() -> task<void> {
        CHECK_THROWS_AS(sim::note(1), std::logic_error);
        CHECK_THROWS_AS(sim::random_below(1), std::logic_error);
        co_return;
    };
    async::run(main(), {.engine = engine_kind::asio});
    CHECK_THROWS_AS(sim::note(1), std::system_error);
}

TEST_CASE("every fault that can happen in an exchange is survived, one after the other") {
    const auto survives = []() -> task<void> {
        for (int tries = 0; tries < 5; ++tries) {
            try {
                co_return co_await echo_exchange(1);
            } catch (const std::system_error&) {
            }
            co_await sleep(1s);
        }
        throw std::logic_error("one fault is too much for five tries");
    };
    const log_recorder quiet;
    const std::uint64_t faults = sim::for_each_fault(1, survives);
    CHECK(faults > 100);
}

TEST_CASE("a failure tells which faults have struck") {
    const log_recorder log;
    auto main = []() -> task<void> { co_await echo_exchange(1); };
    CHECK_THROWS_AS(sim::run(1, main(), {.only = {static_cast<int>(sim::fault::connect_error), 0}}), std::system_error);
    CHECK(log.has("faults: connect_error 1"));
}

TEST_CASE("an interrupt cancels main, which may clean up; a task<void> then ends as if nothing were") {
    bool cleaned_up = false;
    auto main = [](bool& cleaned_up) -> task<void> {
        this_loop().call_later(1h, [] { sim::interrupt(); });
        try {
            co_await wait_for_ever();
        } catch (const cancelled&) {
            cleaned_up = true;
            throw;
        }
    };
    sim::simulation s(1);
    s.run(main(cleaned_up));
    CHECK(cleaned_up);
    CHECK(s.elapsed() >= 1h);
    CHECK(s.elapsed() < 1h + 1s);
}

TEST_CASE("every kind of fault that a program can meet strikes somewhere") {
    const log_recorder quiet;
    std::vector<std::uint64_t> struck(sim::fault_count);
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        sim::simulation s(seed, {.faults = sim::fault_mode::swarm});
        echo_mesh mesh;
        auto with_files = [](echo_mesh& mesh) -> task<void> {
            for (int i = 0; i < 20; ++i) {
                static_cast<void>(co_await error_of(write_file("/tmp/file", "some text")));
                file f = co_await opened("/tmp/file");
                static_cast<void>(co_await error_of(f.sync()));
                static_cast<void>(co_await error_of(read_file("/tmp/file")));
                static_cast<void>(co_await move_on_after(1us, error_of(read_file("/tmp/file"))));
            }
            co_await mesh.main();
        };
        s.run(with_files(mesh));
        for (std::size_t i = 0; i < struck.size(); ++i) struck[i] += s.struck(static_cast<sim::fault>(i));
    }
    for (std::size_t i = 0; i < struck.size(); ++i) {
        const auto f = static_cast<sim::fault>(i);
        const std::string name = sim::name_of(f);
        CAPTURE(name);
        // No awaitable sends datagrams or looks names up.
        const bool unused =
            f == sim::fault::packet_duplicate || f == sim::fault::packet_reorder || f == sim::fault::lookup_error;
        CHECK((struck[i] != 0 || unused));
    }
}

TEST_CASE("a turn by hand that would wait for ever says so, and the loop may go on") {
    sim::simulation s(1);
    runner& r = s.runner();
    r.create_task(read_what_never_comes());
    CHECK_THROWS_AS(
        while (true) r.turn(turn::wait), stalled_error);
    bool called = false;
    r.loop().call_later(1h, [&] { called = true; });
    while (!called) r.turn(turn::wait);
}
