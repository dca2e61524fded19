#include <libasync/io/sim/sim_engine.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

using namespace async;
using namespace async::io;
using namespace std::chrono_literals;

namespace {

struct slow_work : work_op {
    explicit slow_work(std::chrono::milliseconds t) noexcept : work_op(&slow_work::run), takes(t) {}
    static void run(work_op& op) noexcept { std::this_thread::sleep_for(static_cast<slow_work&>(op).takes); }
    std::chrono::milliseconds takes;
};

std::unique_ptr<sim_engine> make_engine(const engine_settings& settings = {}) {
    return std::make_unique<sim_engine>(std::make_shared<io::sim::world>(1), settings, 0ms);
}

std::vector<detail::ready_node*> taken(sim_engine& e) {
    std::vector<detail::ready_node*> nodes;
    while (!e.completed.empty()) nodes.push_back(e.completed.pop_front());
    return nodes;
}

}  // namespace

TEST_CASE("the clock jumps to the next event or the deadline, whichever comes first") {
    const auto e = make_engine();
    const time_point begin = e->clock();
    e->visit(begin + 1h);
    CHECK(e->clock() == begin + 1h);
    int events = 0;
    e->world().after(2h, [&] { ++events; });
    e->visit(begin + 2h);
    CHECK(events == 0);
    e->visit(begin + 10h);
    CHECK(events == 1);
    CHECK(e->clock() == begin + 10h);
}

TEST_CASE("the clock does not jump over work in a thread, however slow that is") {
    const auto e = make_engine();
    const time_point begin = e->clock();
    slow_work work(50ms);
    CHECK_FALSE(e->start(work));
    e->visit(begin + 24h);
    CHECK(taken(*e) == std::vector<detail::ready_node*>{&work});
    CHECK(e->clock() - begin < 1s);
}

TEST_CASE("work is told in the order of its virtual end, whichever thread is the quickest") {
    const auto e = make_engine({.pool_threads = 3});
    slow_work slow(40ms);
    slow_work middle(15ms);
    slow_work quick(0ms);
    for (slow_work* w : {&slow, &middle, &quick}) CHECK_FALSE(e->start(*w));
    std::vector<detail::ready_node*> order;
    while (order.size() < 3) {
        e->visit(e->clock() + 24h);
        for (detail::ready_node* node : taken(*e)) order.push_back(node);
    }
    CHECK(order == std::vector<detail::ready_node*>{&slow, &middle, &quick});
}

TEST_CASE("work for which no thread is free can be cancelled, work that runs is waited for") {
    const auto e = make_engine({.pool_threads = 1});
    slow_work runs(20ms);
    slow_work waits(0ms);
    CHECK_FALSE(e->start(runs));
    CHECK_FALSE(e->start(waits));
    e->cancel(waits);
    e->cancel(runs);
    CHECK(waits.error == error_cancelled);
    CHECK(taken(*e) == std::vector<detail::ready_node*>{&waits});
    CHECK(runs.state == op_state::pending);
    e->visit(e->clock() + 24h);
    CHECK(taken(*e).size() == 1);
    CHECK(runs.error == 0);
}

TEST_CASE("while other threads are at work for the loop, the clock stands still until they post") {
    const auto e = make_engine();
    const time_point begin = e->clock();
    detail::ready_node posted;
    e->add_outside_work(1);
    std::thread other([&] {
        std::this_thread::sleep_for(20ms);
        e->post(posted);
    });
    e->visit(begin + 24h);
    other.join();
    e->add_outside_work(-1);
    CHECK(taken(*e) == std::vector<detail::ready_node*>{&posted});
    CHECK(e->clock() - begin < 1s);
}

TEST_CASE("a loop for which nothing will come has stalled, and says why") {
    const auto e = make_engine();
    e->visit(time_point::max());
    REQUIRE(e->stalled() != nullptr);
    e->forget_stall();
    CHECK(e->stalled() == nullptr);
}

TEST_CASE("the lowest descriptor that is free is given out next") {
    const auto e = make_engine();
    int error = 0;
    const native_handle a = e->calls().open_tcp_socket(address_family::ipv4, error);
    const native_handle b = e->calls().open_tcp_socket(address_family::ipv4, error);
    const native_handle c = e->calls().open_tcp_socket(address_family::ipv4, error);
    CHECK(b == a + 1);
    CHECK(c == a + 2);
    e->calls().close_socket(b);
    e->calls().close_socket(a);
    CHECK(e->calls().open_tcp_socket(address_family::ipv4, error) == a);
    e->world().descriptors.limit = 2;
    CHECK(e->calls().open_tcp_socket(address_family::ipv4, error) == invalid_handle);
    CHECK(error == EMFILE);
}
