#include <libasync/net/resolve.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/files.hpp>
#include <tests/support/names.hpp>

using namespace async;
using namespace async_tests;
using namespace std::chrono_literals;

namespace {

using endpoints = std::vector<endpoint>;

bool has(const endpoints& all, const endpoint& e) { return std::find(all.begin(), all.end(), e) != all.end(); }

task<void> settle() {
    for (int i = 0; i < 6; ++i) co_await yield();
}

// What the test waits for happens on other threads, and may take its time.
task<void> until_done(const task_handle<endpoints>& handle) { co_await handle.wait(); }

}  // namespace

TEST_CASE("numeric addresses are not looked up") {
    const test_names nobody;
    run([]() -> task<void> {
        const endpoints v4 = co_await resolve("127.0.0.1", 80);
        CHECK(v4 == endpoints{endpoint("127.0.0.1", 80)});
        const endpoints v6 = co_await resolve("::1", 443);
        CHECK(v6 == endpoints{endpoint("::1", 443)});
        const endpoints brackets = co_await resolve("[::1]", "443");
        CHECK(brackets == endpoints{endpoint("::1", 443)});
        const endpoints zone = co_await resolve("fe80::1%3", 1);
        CHECK(zone == endpoints{endpoint("fe80::1%3", 1)});
        const endpoints no_port = co_await resolve("127.0.0.1", "");
        CHECK(no_port == endpoints{endpoint("127.0.0.1", 0)});
        const std::error_code family =
            co_await error_of(resolve("127.0.0.1", 80, {.families = resolve_families::ipv6}));
        CHECK(family == resolve_errc::no_address);
    }());
    CHECK(nobody.asked() == 0);
}

TEST_CASE("localhost is this machine, whatever the service is called") {
    run([]() -> task<void> {
        const endpoints all = co_await resolve("localhost", 80);
        CHECK(has(all, endpoint::loopback(80)));
        for (const endpoint& e : all) CHECK(e.port() == 80);
        const endpoints only = co_await resolve("localhost", 80, {.families = resolve_families::ipv4});
        CHECK(only == endpoints{endpoint::loopback(80)});
        const endpoints digits = co_await resolve("localhost", "8080", {.families = resolve_families::ipv4});
        CHECK(digits == endpoints{endpoint::loopback(8080)});
    }());
}

TEST_CASE("a service has the port that the system knows for it") {
    run([]() -> task<void> {
        std::optional<endpoints> web;
        try {
            web = co_await resolve("127.0.0.1", "http");
        } catch (const resolve_error& e) {
            CHECK(e.code() == resolve_errc::unknown_service);
        }
        if (web) {
            CHECK(*web == endpoints{endpoint("127.0.0.1", 80)});
        } else {
            MESSAGE("skipped: this system has no services(5)");
        }
        for (const char* nonsense : {"no-such-service", "-1", "+80", " 80", "80 ", "80x", "0x50"}) {
            CAPTURE(nonsense);
            const std::error_code error = co_await error_of(resolve("127.0.0.1", nonsense));
            CHECK(error.category() == resolve_category());
        }
        for (const char* large : {"65536", "99999999999999999999"}) {
            CAPTURE(large);
            const std::error_code error = co_await error_of(resolve("127.0.0.1", large));
            CHECK(error == resolve_errc::unknown_service);
        }
    }());
}

TEST_CASE("a port that is none is refused at the call") {
    CHECK_THROWS_AS(static_cast<void>(resolve("localhost", 65536)), std::invalid_argument);
    CHECK_THROWS_AS(static_cast<void>(resolve("localhost", -1)), std::invalid_argument);
}

TEST_CASE("a name that does not exist is an error that names it") {
    run([]() -> task<void> {
        const std::string message = co_await message_of(resolve("nobody.invalid", "443"));
        CHECK(message.starts_with("resolve nobody.invalid:443: "));
        const bool typed = co_await throws<resolve_error>(resolve("nobody.invalid", 443));
        CHECK(typed);
    }());
}

TEST_CASE("names that are none are refused, and nobody is asked") {
    const test_names nobody;
    run([]() -> task<void> {
        using namespace std::string_view_literals;
        const std::string long_name(1024, 'a');
        for (const std::string_view name : {""sv, "local\0host"sv, "\0"sv, std::string_view(long_name)}) {
            const std::error_code error = co_await error_of(resolve(name, 80));
            CHECK(error == resolve_errc::invalid_name);
        }
        const std::error_code service = co_await error_of(resolve("localhost", "ht\0tp"sv));
        CHECK(service == resolve_errc::unknown_service);
        const std::string evil = co_await message_of(resolve("evil\r\n\x1b[0m\0"sv, 80));
        CHECK(evil.find_first_of("\r\n\x1b"sv) == evil.npos);
        const std::string huge = co_await message_of(resolve(std::string(1 << 20, 'x'), 80));
        CHECK(huge.size() < 400);
    }());
    CHECK(nobody.asked() == 0);
}

TEST_CASE("a long name that the system may know is looked up") {
    run([]() -> task<void> {
        std::string name;
        for (int i = 0; i < 200; ++i) name += "abcd.";
        name += "invalid";
        const bool failed = co_await throws<resolve_error>(resolve(name, 80));
        CHECK(failed);
    }());
}

TEST_CASE("an address has a name, or its numbers") {
    run([]() -> task<void> {
        const resolved_name here = co_await resolve_name(endpoint::loopback(80));
        CHECK_FALSE(here.host.empty());
        CHECK((here.service == "http" || here.service == "80"));
        const resolved_name nobody = co_await resolve_name(endpoint("::1", 9));
        CHECK_FALSE(nobody.host.empty());
    }());
}

TEST_CASE("outside a loop there is nothing to forget") { CHECK_THROWS_AS(forget_resolved(), std::system_error); }

// How answers are remembered: where the test gives them, on the simulated engine by its world.

namespace {

// "fast" is known, with one address.
task<void> with_fast(task<void> (*body)(const test_names&), const test_names& names) {
    if (on_sim()) {
        sim::set_name("fast", "127.0.0.7");
        sim::set_name_latency(5ms, 5ms);
    }
    co_await body(names);
}

// Whether the look-up took somebody's time.
task<bool> was_asked(const test_names& names, resolve_options options = {}, const char* host = "fast") {
    const unsigned before = names.asked();
    const time_point start = clock_now();
    static_cast<void>(co_await error_of(resolve(host, 80, options)));
    co_return on_sim() ? clock_now() - start >= 5ms : names.asked() != before;
}

}  // namespace

TEST_CASE("an answer is remembered for its time, whatever the port") {
    test_names names;
    run(with_fast(
        [](const test_names& names) -> task<void> {
            bool asked = co_await was_asked(names);
            CHECK(asked);
            asked = co_await was_asked(names);
            CHECK_FALSE(asked);
            const endpoints other = co_await resolve("fast", 81);
            CHECK(other == endpoints{endpoint("127.0.0.7", 81)});
            asked = co_await was_asked(names, {.max_age = 0s});
            CHECK(asked);
            asked = co_await was_asked(names);
            CHECK_FALSE(asked);
            forget_resolved();
            asked = co_await was_asked(names);
            CHECK(asked);
            asked = co_await was_asked(names, {.families = resolve_families::ipv4});
            CHECK(asked);  // another question
            if (!on_sim()) co_return;
            co_await sleep(29s);
            asked = co_await was_asked(names);
            CHECK_FALSE(asked);
            co_await sleep(2s);
            asked = co_await was_asked(names);
            CHECK(asked);
        },
        names));
}

TEST_CASE("that there is no such name is remembered for two seconds, other failures are not") {
    test_names names;
    run(with_fast(
        [](const test_names& names) -> task<void> {
            bool asked = co_await was_asked(names, {}, "nobody");
            CHECK(asked);
            asked = co_await was_asked(names, {}, "nobody");
            CHECK_FALSE(asked);
            if (!on_sim()) co_return;
            co_await sleep(2s);
            asked = co_await was_asked(names, {}, "nobody");
            CHECK(asked);
        },
        names));
}

TEST_CASE("tasks that ask the same share one look-up, and each has its own port") {
    test_names names;
    run(with_fast(
        [](const test_names& names) -> task<void> {
            const auto [a, b, c] = co_await gather(resolve("fast", 1), resolve("fast", "2"), resolve("fast", 3));
            CHECK(a == endpoints{endpoint("127.0.0.7", 1)});
            CHECK(b == endpoints{endpoint("127.0.0.7", 2)});
            CHECK(c == endpoints{endpoint("127.0.0.7", 3)});
            if (!on_sim()) CHECK(names.asked() == 1);
        },
        names));
}

TEST_CASE("of those who share a look-up each may leave it") {
    test_names names;
    run(with_fast(
        [](const test_names& names) -> task<void> {
            const char* name = on_sim() ? "fast" : "a.slow";
            auto first = create_task(resolve(name, 1));
            auto second = create_task(resolve(name, 2));
            co_await settle();
            first.cancel();
            co_await first.wait();
            CHECK(first.cancelled());
            CHECK_FALSE(second.done());
            const_cast<test_names&>(names).release();
            const endpoints got = co_await second;
            CHECK(got == endpoints{endpoint("127.0.0.7", 2)});
        },
        names));
}

// What threads do: not on the simulated engine, which has none for names.

TEST_CASE("a look-up that is cancelled is left at once, and what it brings later is remembered") {
    if (on_sim()) return;
    test_names names;
    run([](test_names& names) -> task<void> {
        auto first = create_task(resolve("a.slow", 80));
        co_await settle();
        names.wait_until_asked(1);
        first.cancel();
        co_await first.wait();
        CHECK(first.cancelled());
        CHECK(names.running() == 1);
        auto again = create_task(resolve("a.slow", 80));  // waits for the same
        co_await settle();
        names.release();
        const endpoints got = co_await again;
        CHECK(got == endpoints{endpoint("127.0.0.7", 80)});
        CHECK(names.asked() == 1);
    }(names));
}

TEST_CASE("the end of a loop does not wait for names, and what comes later finds nobody") {
    if (on_sim()) return;
    test_names names;
    for (int i = 0; i < 3; ++i) {
        run([](test_names& names, int i) -> task<void> {
            auto slow = create_task(resolve("b" + std::to_string(i) + ".slow", 80));
            co_await settle();
            names.wait_until_asked(static_cast<unsigned>(i) + 1);
            CHECK_FALSE(slow.done());
        }(names, i));
    }
    CHECK(names.running() == 3);
    names.release();
    names.wait_until_idle();
}

TEST_CASE("a loop may end at the moment at which an answer has come") {
    const test_names names;
    for (int i = 0; i < 200; ++i) {
        run(with_fast(
            [](const test_names&) -> task<void> {
                const endpoints got = co_await resolve("fast", 80);
                CHECK(got.size() == 1);
            },
            names));
    }
}

TEST_CASE(
    "slow names do not delay files, there are at most four threads, and what nobody wants any more is not asked") {
    if (on_sim()) return;
    test_names names;
    run([](test_names& names) -> task<void> {
        std::vector<task_handle<endpoints>> slow;
        for (int i = 0; i < 100; ++i) slow.push_back(create_task(resolve("n" + std::to_string(i) + ".slow", 80)));
        co_await settle();
        names.wait_until_asked(4);
        const temporary_directory directory;
        co_await write_file(directory / "file", "text");
        const std::string text = co_await read_file(directory / "file");
        CHECK(text == "text");
        for (auto& handle : slow) handle.cancel();
        for (auto& handle : slow) co_await until_done(handle);
        names.release();
        const endpoints got = co_await resolve("fast", 80);
        CHECK(got == endpoints{endpoint("127.0.0.7", 80)});
        CHECK(names.most_running() <= 4);
        CHECK(names.asked() == 5);
    }(names));
}

TEST_CASE("when too many wait the next one is an error, and all others have their answers") {
    if (on_sim()) return;
    test_names names;
    run([](test_names& names) -> task<void> {
        constexpr std::size_t most = io::look_up_threads::most_queued + io::look_up_threads::most_threads;
        std::vector<task_handle<endpoints>> slow;
        for (std::size_t i = 0; i < 4; ++i) slow.push_back(create_task(resolve("n" + std::to_string(i) + ".slow", 80)));
        co_await settle();
        names.wait_until_asked(4);
        for (std::size_t i = 4; i < most; ++i)
            slow.push_back(create_task(resolve("n" + std::to_string(i) + ".slow", 80)));
        co_await settle();
        const std::error_code error = co_await error_of(resolve("one.too.many", 80));
        CHECK(error == std::errc::resource_unavailable_try_again);
        names.release();
        std::size_t answered = 0;
        for (auto& handle : slow) {
            const endpoints got = co_await handle;
            answered += got.size();
        }
        CHECK(answered == most);
        CHECK(this_engine().names().size() <= io::name_book::most_answers);
    }(names));
}
