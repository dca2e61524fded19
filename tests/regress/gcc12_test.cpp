// GCC 12 copies some class temporaries bit by bit, and destroys both, in a full expression that contains a co_await.
// The shapes in which the library is naturally used must not meet that: every object is destroyed as often as it was
// constructed, and strings arrive whole.
#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include <libasync/async.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

// Options are aggregates, so nothing in them may need a destructor.
static_assert(std::is_trivially_destructible_v<loop_options>);
static_assert(std::is_trivially_destructible_v<tcp_options>);
static_assert(std::is_trivially_destructible_v<listen_options>);
static_assert(std::is_trivially_copyable_v<endpoint>);

// Descriptions are copied bit by bit without harm.
static_assert(std::is_trivially_copyable_v<decltype(yield())>);
static_assert(std::is_trivially_copyable_v<decltype(sleep(1s))>);
static_assert(std::is_trivially_copyable_v<decltype(sleep_until(time_point()))>);
static_assert(std::is_trivially_copyable_v<decltype(std::declval<tcp_stream&>().read())>);
static_assert(std::is_trivially_copyable_v<decltype(std::declval<tcp_stream&>().read_some({}))>);
static_assert(std::is_trivially_copyable_v<decltype(std::declval<tcp_stream&>().write("a"))>);
static_assert(std::is_trivially_copyable_v<decltype(std::declval<tcp_stream&>().write("a", std::string()))>);
static_assert(std::is_trivially_copyable_v<decltype(std::declval<tcp_stream&>().shutdown_write())>);
static_assert(std::is_trivially_copyable_v<decltype(as_result(std::declval<tcp_stream&>().read()))>);
static_assert(std::is_trivially_copyable_v<decltype(std::declval<file&>().read_at({}, 0))>);
static_assert(std::is_trivially_copyable_v<decltype(std::declval<file&>().size())>);
static_assert(std::is_trivially_copyable_v<decltype(std::declval<file&>().sync())>);
static_assert(std::is_trivially_copyable_v<decltype(std::declval<task_handle<int>&>().wait())>);

// Awaiters are pinned, and no aggregates.
template <class Awaitable>
constexpr bool has_safe_awaiter = [] {
    using awaiter = decltype(std::declval<Awaitable>().operator co_await());
    return !std::is_move_constructible_v<awaiter> && !std::is_aggregate_v<awaiter>;
}();
static_assert(has_safe_awaiter<task<int>>);
static_assert(has_safe_awaiter<task_handle<int>>);
static_assert(has_safe_awaiter<decltype(yield())>);
static_assert(has_safe_awaiter<decltype(sleep(1s))>);
static_assert(has_safe_awaiter<decltype(std::declval<tcp_stream&>().read())>);
static_assert(has_safe_awaiter<decltype(std::declval<tcp_stream&>().write("a"))>);
static_assert(has_safe_awaiter<decltype(as_result(std::declval<tcp_stream&>().read()))>);
static_assert(has_safe_awaiter<decltype(std::declval<task_handle<int>&>().wait())>);

namespace {

const std::string long_text = "a string that is too long to be kept in place by any standard library";

task<int> by_value(counted c) {
    co_await yield();
    co_return c.value;
}
task<int> by_const_reference(const counted& c) {
    co_await yield();
    co_return c.value;
}
task<int> by_rvalue_reference(counted&& c) {
    co_await yield();
    co_return c.value;
}
task<counted> make_counted(int value) {
    co_await yield();
    co_return counted(value);
}
task<std::string> echo(std::string text) {
    co_await yield();
    co_return text;
}
task<int> fail() {
    co_await yield();
    throw std::runtime_error("in the middle");
}
int add(const counted& a, int b) { return a.value + b; }

// Runs the body on every engine, and finds each object destroyed once afterwards.
template <class Body>
void check_balance(Body body) {
    counted::reset();
    on_every_engine(body);
    CHECK(counted::made > 0);
    CHECK(counted::alive() == 0);
}

}  // namespace

TEST_CASE("arguments: temporaries of classes by value, by reference, several, with awaits among them") {
    check_balance([]() -> task<void> {
        int sum = co_await by_value(counted(1));
        sum += co_await by_const_reference(counted(2));
        sum += co_await by_rvalue_reference(counted(3));
        sum += add(counted(4), co_await by_value(counted(5)));
        sum += co_await by_value(counted(co_await by_value(counted(6))));
        CHECK(sum == 21);
    });
}

TEST_CASE("results: used as temporaries, in conditions, in both operands, in loops, bound to references") {
    check_balance([]() -> task<void> {
        CHECK((co_await make_counted(1)).value == 1);
        const counted& bound = co_await make_counted(2);
        CHECK(bound.value == 2);
        if ((co_await make_counted(3)).value != 3) FAIL("lost");
        const bool both = (co_await make_counted(4)).value == 4 && (co_await make_counted(5)).value == 5;
        CHECK(both);
        auto p = std::make_unique<counted>(co_await make_counted(6));
        CHECK(p->value == 6);
        std::vector<counted> all;
        all.push_back(co_await make_counted(7));
        all.emplace_back(co_await make_counted(8));
        CHECK(all[0].value + all[1].value == 15);
        auto pair = std::make_tuple(co_await make_counted(9), co_await make_counted(10));
        CHECK(std::get<0>(pair).value + std::get<1>(pair).value == 19);
    });
}

TEST_CASE("strings: temporaries, concatenations, results of awaits") {
    on_every_engine([]() -> task<void> {
        std::string got = co_await echo(long_text + "!");
        CHECK(got == long_text + "!");
        got = co_await echo(std::string(long_text));
        CHECK(got == long_text);
        got = co_await echo(co_await echo(long_text) + co_await echo("?"));
        CHECK(got == long_text + "?");
        got = co_await echo("from a literal that is a good deal longer than any small string");
        CHECK(got.size() == 63);
    });
}

TEST_CASE("descriptions may stand in a ternary; tasks are chosen first and awaited then") {
    on_every_engine([]() -> task<void> {
        for (const bool first : {true, false}) {
            co_await (first ? sleep(1us) : sleep(2us));
            co_await (first ? sleep(1us) : sleep_until(time_point::min()));
            task<std::string> chosen = first ? echo(long_text) : echo("short");
            const std::string got = co_await std::move(chosen);
            CHECK(got == (first ? long_text : "short"));
            const int n = first ? co_await by_value(counted(1)) : co_await by_value(counted(2));
            CHECK(n == (first ? 1 : 2));
        }
    });
}

TEST_CASE("gather, timeout, move_on_after and scopes take calls with class temporaries") {
    check_balance([]() -> task<void> {
        auto [a, b, c] = co_await gather(by_value(counted(1)), echo(long_text + "a"), make_counted(3));
        CHECK(a == 1);
        CHECK(b == long_text + "a");
        CHECK(c.value == 3);
        const int timed = co_await timeout(10s, by_value(counted(4)));
        CHECK(timed == 4);
        const std::optional<std::string> moved = co_await move_on_after(10s, echo(long_text));
        CHECK(moved == long_text);
        cancel_scope scope;
        const std::optional<counted> scoped = co_await scope.run(make_counted(5));
        CHECK(scoped->value == 5);
        const int nested = co_await timeout(10s, timeout(10s, by_value(counted(6))));
        CHECK(nested == 6);
        const bool thrown = co_await throws<std::runtime_error>(gather(by_value(counted(7)), fail()));
        CHECK(thrown);
    });
}

TEST_CASE("a task may be created and joined in one expression, with a temporary name") {
    check_balance([]() -> task<void> {
        const int n = co_await create_task(by_value(counted(1)));
        CHECK(n == 1);
        const int named = co_await create_task(by_value(counted(2)), long_text + " of a task");
        CHECK(named == 2);
        co_await create_task(by_value(counted(3)), std::string("watched")).wait();
        const counted made = co_await create_task(make_counted(4));
        CHECK(made.value == 4);
    });
}

TEST_CASE("closures: named, or without captures and with arguments; in statements without await also with "
          "captures") {
    check_balance([]() -> task<void> {
        const counted tracked(5);
        auto named = [tracked]() -> task<int> {
            co_await yield();
            co_return tracked.value;
        };
        const int n = co_await named();
        CHECK(n == 5);
        const int with_argument = co_await [](counted c) -> task<int> {
            co_await yield();
            co_return c.value;
        }(counted(6));
        CHECK(with_argument == 6);
        int called = 0;
        this_loop().call_soon([tracked, &called] { called += tracked.value; });
        this_loop().post([tracked, &called] { called += tracked.value; });
        while (called != 10) co_await yield();
    });
}

TEST_CASE("an exception in the middle of an expression destroys each temporary once") {
    check_balance([]() -> task<void> {
        int caught = 0;
        for (int i = 0; i < 2; ++i) {
            try {
                static_cast<void>(
                    add(counted(1), i == 0 ? co_await fail() : co_await by_value(counted(2)) + co_await fail()));
            } catch (const std::runtime_error&) {
                ++caught;
            }
        }
        CHECK(caught == 2);
    });
}

TEST_CASE("a cancellation in the middle of an expression destroys each temporary once") {
    check_balance([]() -> task<void> {
        auto long_value = [](counted c) -> task<int> {
            co_await sleep(24h);
            co_return c.value;
        };
        auto body = [](auto long_value) -> task<int> { co_return add(counted(1), co_await long_value(counted(2))); };
        auto handle = create_task(body(long_value));
        co_await yield();
        handle.cancel();
        co_await handle.wait();
        CHECK(handle.cancelled());
    });
}

namespace {

task<void> echo_once(tcp_listener& listener) {
    tcp_stream stream = co_await listener.accept();
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) break;
        co_await stream.write(data);
    }
}

task<void> talk() {
    auto listener = tcp_listener::bind(endpoint::loopback(0), {.backlog = 8, .connection = {.no_delay = false}});
    auto server = create_task(echo_once(listener));
    tcp_stream stream = co_await connect(listener.local_endpoint(), {.no_delay = false, .keep_alive = true});
    co_await stream.write(std::string("hello, ") + "world", std::string("!"));
    std::string got;
    while (got.size() < 13) got += (co_await stream.read()).text();
    CHECK(got == "hello, world!");

    co_await stream.write(long_text);
    std::array<char, 200> buffer;
    const auto bytes = std::as_writable_bytes(std::span(buffer));
    result<std::size_t> first = co_await as_result(stream.read_some(bytes));
    REQUIRE(first.has_value());
    CHECK(*first > 0);
    std::size_t count = *first;
    while (count < long_text.size()) count += co_await stream.read_some(bytes);
    co_await stream.write("x");
    const std::size_t second = co_await timeout(10s, stream.read_some(bytes));
    CHECK(second == 1);
    co_await stream.shutdown_write();
    co_await server;
    co_await stream.close();
}

}  // namespace

TEST_CASE("streams: options with designated initialisers, string temporaries, results, in expressions with await") {
    async::run(talk(), {.pool_threads = 1});
}

TEST_CASE("connecting and binding with options in one expression") {
    async::run([]() -> task<void> {
        auto listener = tcp_listener::bind(endpoint("127.0.0.1", 0), {.backlog = 16});
        const bool open =
            (co_await connect({"127.0.0.1", listener.local_endpoint().port()}, {.keep_alive = true})).is_open();
        CHECK(open);
        const auto port = (co_await tcp_stream::connect(listener.local_endpoint(), {})).remote_endpoint().port();
        CHECK(port == listener.local_endpoint().port());
        const bool refused =
            co_await throws<std::system_error>(tcp_listener::bind(endpoint::loopback(0), {.backlog = 1}).close());
        CHECK_FALSE(refused);
    }());
}
