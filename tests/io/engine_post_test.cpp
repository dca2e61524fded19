// Posts from elsewhere, and how they end a wait.
#include "engine_harness.hpp"

#include <algorithm>
#include <thread>

#ifndef _WIN32
#include <csignal>
#endif

using namespace engine_tests;

namespace {

struct counting_node : detail::ready_node {
    counting_node() {
        run = [](detail::ready_node* node) noexcept {
            ++static_cast<counting_node*>(node)->runs;
            return true;
        };
    }
    int runs = 0;
};

}  // namespace

TEST_CASE("a post from another thread ends the wait") {
    for_each_engine([](driver& d) {
        for (int i = 0; i < 20; ++i) {
            counting_node node;
            const async_tests::outside_work posts_soon(d.get());
            std::thread poster([&] {
                if (i % 2 == 0) std::this_thread::sleep_for(5ms);
                CHECK(d->post(node));
            });
            CHECK(d.until([&] { return node.runs == 1; }));
            poster.join();
        }
        d->close_posts();
        counting_node late;
        CHECK_FALSE(d->post(late));
        CHECK_FALSE(late.linked());
    });
}

TEST_CASE("posts arrive in the order in which they were made") {
    for_each_engine([](driver& d) {
        static std::vector<int>* order;
        std::vector<int> seen;
        order = &seen;
        struct numbered : detail::ready_node {
            int number = 0;
        };
        std::vector<numbered> nodes(10);
        for (int i = 0; i < 10; ++i) {
            numbered& n = nodes[static_cast<std::size_t>(i)];
            n.number = i;
            n.run = [](detail::ready_node* node) noexcept {
                order->push_back(static_cast<numbered*>(node)->number);
                return true;
            };
            CHECK(d->post(n));
        }
        CHECK(d.until([&] { return seen.size() == 10; }));
        CHECK(std::is_sorted(seen.begin(), seen.end()));
    });
}

TEST_CASE("a visit without a post returns at its deadline") {
    for_each_engine([](driver& d) {
        const time_point begin = d->clock();
        d.until([] { return false; }, 60ms);
        CHECK(d->clock() - begin >= 60ms);
        const auto enters = d->statistics().enters;
        d.turn();
        CHECK(d->statistics().enters <= enters + 1);
    });
}

TEST_CASE("an engine that has no handle to wait for says so") {
    for_each_engine([](driver& d) {
        if (d->name() != std::string_view("uring")) {
            CHECK_THROWS_AS(d->wait_handle(), std::system_error);
        } else {
            CHECK(d->wait_handle() != invalid_handle);
        }
    });
}

#ifndef _WIN32
namespace {

engine* signalled_engine = nullptr;
counting_node* signalled_node = nullptr;

}  // namespace

TEST_CASE("a signal handler may post") {
    for_each_engine([](driver& d) {
        counting_node node;
        const async_tests::outside_work signals_soon(d.get());
        signalled_engine = &d.get();
        signalled_node = &node;
        struct sigaction action{};
        action.sa_handler = [](int) { signalled_engine->post(*signalled_node); };
        struct sigaction before{};
        sigaction(SIGUSR1, &action, &before);
        const pthread_t self = pthread_self();
        std::thread sender([&] {
            std::this_thread::sleep_for(10ms);
            pthread_kill(self, SIGUSR1);
        });
        CHECK(d.until([&] { return node.runs == 1; }));
        sender.join();
        sigaction(SIGUSR1, &before, nullptr);
    });
}
#endif
