#include <libasync/detail/thread_identity.hpp>

#include <doctest/doctest.h>

#include <thread>

using async::detail::this_thread_identity;
using async::detail::thread_identity;

TEST_CASE("a thread has one identity, and no two that live have the same") {
    const thread_identity here = this_thread_identity();
    CHECK(here != nullptr);
    CHECK(this_thread_identity() == here);
    thread_identity there = nullptr;
    thread_identity again = nullptr;
    std::thread([&] {
        there = this_thread_identity();
        again = this_thread_identity();
    }).join();
    CHECK(there != here);
    CHECK(there == again);
}
