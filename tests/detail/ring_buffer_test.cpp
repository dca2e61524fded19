#include <libasync/detail/ring_buffer.hpp>

#include <doctest/doctest.h>

#include <deque>
#include <memory>
#include <random>
#include <string>

using async::detail::ring_buffer;

TEST_CASE("a ring buffer does what a deque does, whatever the order of the calls") {
    std::minstd_rand random(7);
    ring_buffer<std::string> ring;
    std::deque<std::string> expected;
    for (int i = 0; i < 100'000; ++i) {
        const auto kind = random() % 9;
        std::string text = "a text that is too long to be kept in place " + std::to_string(i);
        if (kind < 3) {
            ring.reserve(ring.size() + 1);
            expected.push_back(text);
            ring.push_back(std::move(text));
        } else if (kind < 5) {
            ring.reserve(ring.size() + 1);
            expected.push_front(text);
            ring.push_front(std::move(text));
        } else if (!expected.empty() && kind < 7) {
            REQUIRE(ring.pop_front() == expected.front());
            expected.pop_front();
        } else if (!expected.empty()) {
            REQUIRE(ring.pop_back() == expected.back());
            expected.pop_back();
        }
        REQUIRE(ring.size() == expected.size());
        REQUIRE(ring.empty() == expected.empty());
    }
}

TEST_CASE("what is left in a ring buffer is destroyed once") {
    const auto counted = std::make_shared<int>();
    {
        ring_buffer<std::shared_ptr<int>> ring;
        ring.reserve(5);
        for (int i = 0; i < 5; ++i) ring.push_back(std::shared_ptr<int>(counted));
        static_cast<void>(ring.pop_front());
        ring.push_front(std::shared_ptr<int>(counted));
        CHECK(counted.use_count() == 6);
        ring.clear();
        CHECK(counted.use_count() == 1);
        ring.push_back(std::shared_ptr<int>(counted));
    }
    CHECK(counted.use_count() == 1);
}
