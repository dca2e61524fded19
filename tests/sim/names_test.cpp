#include <libasync/sim/names.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <libasync/async.hpp>

#include <tests/support/expect.hpp>

using namespace async;
using namespace async_tests;
using namespace std::chrono_literals;

namespace {

using endpoints = std::vector<endpoint>;

}  // namespace

TEST_CASE("a name has the addresses it was given, in their order, until it has others") {
    sim::run(1, []() -> task<void> {
        sim::set_name("db.example", "10.0.0.2", std::string("fd00::2"));
        const endpoints all = co_await resolve("db.example", "postgresql");
        CHECK(all == endpoints{endpoint("10.0.0.2", 5432), endpoint("fd00::2", 5432)});
        const endpoints v6 = co_await resolve("db.example", 1, {.families = resolve_families::ipv6});
        CHECK(v6 == endpoints{endpoint("fd00::2", 1)});
        const endpoints v6_first = co_await resolve("db.example", 1, {.families = resolve_families::ipv6_first});
        CHECK(v6_first == endpoints{endpoint("fd00::2", 1), endpoint("10.0.0.2", 1)});
        sim::set_name("db.example", "10.0.0.3");
        const endpoints remembered = co_await resolve("db.example", 1);
        CHECK(remembered.size() == 2);
        const endpoints now = co_await resolve("db.example", 1, {.max_age = 0s});
        CHECK(now == endpoints{endpoint("10.0.0.3", 1)});
        sim::remove_name("db.example");
        const std::error_code gone = co_await error_of(resolve("db.example", 1, {.max_age = 0s}));
        CHECK(gone == resolve_errc::not_found);
        sim::set_name("v4.example", "10.0.0.2");
        const std::error_code none = co_await error_of(resolve("v4.example", 1, {.families = resolve_families::ipv6}));
        CHECK(none == resolve_errc::no_address);
    }());
}

TEST_CASE("an address leads back to its name, or to its numbers") {
    sim::run(1, []() -> task<void> {
        sim::set_name("db.example", "10.0.0.2");
        const resolved_name db = co_await resolve_name(endpoint("10.0.0.2", 80));
        CHECK(db.host == "db.example");
        const resolved_name nobody = co_await resolve_name(endpoint("10.0.0.9", 80));
        CHECK(nobody.host == "10.0.0.9");
        CHECK(nobody.service == "80");
    }());
}

TEST_CASE("an answer takes the time that it is given") {
    sim::run(1, []() -> task<void> {
        sim::set_name_latency(3s, 3s);
        const time_point start = this_loop().now();
        static_cast<void>(co_await resolve("localhost", 80));
        CHECK(this_loop().now() - start >= 3s);
        CHECK(this_loop().now() - start < 3001ms);
        const time_point second = this_loop().now();
        const bool late = co_await throws<timeout_error>(timeout(1s, resolve("other.example", 80)));
        CHECK(late);
        CHECK(this_loop().now() - second < 1001ms);
        CHECK_THROWS_AS(sim::set_name_latency(2s, 1s), std::invalid_argument);
    }());
}

TEST_CASE("a server of names that does not answer is an error after its time, and not remembered") {
    sim::simulation world(1, {.only = {static_cast<int>(sim::fault::lookup_error), 0}});
    world.run([]() -> task<void> {
        const time_point start = this_loop().now();
        const std::error_code error = co_await error_of(resolve("localhost", 80));
        CHECK(error == resolve_errc::try_again);
        CHECK(this_loop().now() - start >= 5s);
        const endpoints again = co_await resolve("localhost", 80);
        CHECK(again.size() == 2);
    }());
    CHECK(world.struck(sim::fault::lookup_error) == 1);
}

TEST_CASE("the end of a simulated loop forgets what was asked") {
    sim::run(1, []() -> task<void> {
        sim::set_name_latency(1h, 1h);
        auto asked = create_task(resolve("localhost", 80));
        co_await sleep(1s);
        CHECK_FALSE(asked.done());
    }());
}

TEST_CASE("an address that is none is an error with its text; so is a loop that is not simulated") {
    std::string message;
    auto main = [&]() -> task<void> {
        try {
            sim::set_name("db.example", "10.0.0.2", "nonsense");
        } catch (const std::invalid_argument& e) {
            message = e.what();
        }
        co_return;
    };
    sim::run(1, main());
    CHECK(message.find("nonsense") != std::string::npos);
    CHECK_THROWS_AS(sim::remove_name("db.example"), std::system_error);
}
