#include <libasync/coro/io_awaiter.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>

#include <tests/support/expect.hpp>
#include <tests/support/foreign_coroutine.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

struct tally {
    int retained = 0;
    int released = 0;
    int finished = 0;
    int abandoned = 0;
};

// Counts what the awaiter does with it.
struct tallied : detail::io_description<tallied> {
    using operation = io::file_op;
    using value_type = std::int64_t;

    tallied(int n, tally& t) noexcept : number(n), counts(&t) {}
    operation make() const noexcept { return {io::op_kind::sync_file, number}; }
    void check(operation& op) const noexcept {
        if (number < 0) op.fail_early(errc::closed);
    }
    value_type finish(operation& op) const noexcept {
        ++counts->finished;
        return op.result;
    }
    void abandoned(operation&) const noexcept { ++counts->abandoned; }
    void retain() const noexcept { ++counts->retained; }
    void release() const noexcept { ++counts->released; }
    std::string what() const { return "tallied operation"; }

    int number;
    tally* counts;
};

// Takes effect in cancelled scopes too.
struct insistent : detail::io_description<insistent> {
    using operation = io::file_op;
    using value_type = void;
    static constexpr bool ignores_cancellation = true;

    operation make() const noexcept { return {io::op_kind::sync_file, 1}; }
    void finish(operation&) const noexcept {}
    std::string what() const { return "insistent operation"; }
};

task<std::int64_t> await_tallied(int number, tally& counts) { co_return co_await tallied(number, counts); }

foreign_coroutine await_in_foreign(int number, tally& counts) { static_cast<void>(co_await tallied(number, counts)); }

}  // namespace

TEST_CASE("an operation that succeeds gives its value; what it refers to is kept as long as the awaiter lives") {
    scripted_runner s;
    s.finish_after(1s, 1, 42);
    tally counts;
    CHECK(s.run(await_tallied(1, counts)) == 42);
    CHECK(counts.finished == 1);
    CHECK(counts.abandoned == 0);
    CHECK(counts.retained == 1);
    CHECK(counts.released == 1);
}

TEST_CASE("an operation that fails throws the system's error with the description's text, or gives it as a "
          "result") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        tally counts;
        s.finish_after(1s, 1, 0, ECONNRESET);
        std::string what;
        std::error_code code;
        try {
            co_await tallied(1, counts);
        } catch (const std::system_error& e) {
            code = e.code();
            what = e.what();
        }
        CHECK(code == std::errc::connection_reset);
        CHECK(code.category() == std::generic_category());
        CHECK(what.find("tallied operation") == 0);
        CHECK(counts.abandoned == 1);

        s.finish_after(1s, 1, 0, ECONNRESET);
        const result<std::int64_t> error = co_await as_result(tallied(1, counts));
        CHECK(error.error() == std::errc::connection_reset);
        CHECK(counts.abandoned == 2);

        s.finish_after(1s, 1, 7);
        result<std::int64_t> value = co_await as_result(tallied(1, counts));
        REQUIRE(value.has_value());
        CHECK(*value == 7);
        CHECK(counts.finished == 1);
        CHECK(counts.retained == counts.released);
    }(s));
}

TEST_CASE("an operation that is refused by its check is not started, and the task goes on in place") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        tally counts;
        const auto steps = s.loop().statistics().steps;
        const std::error_code code = co_await error_of(tallied(-1, counts));
        CHECK(code == errc::closed);
        CHECK(s.engine.statistics().submissions == 0);
        CHECK(s.loop().statistics().steps == steps);
    }(s));
}

TEST_CASE("a cancelled operation raises, with as_result too; the description hears of it") {
    scripted_runner s;
    tally counts;
    auto plain = s.runner.create_task(await_tallied(1, counts));
    auto quiet_body = [](tally& counts) -> task<void> { static_cast<void>(co_await as_result(tallied(2, counts))); };
    auto quiet = s.runner.create_task(quiet_body(counts));
    s.turns(1);
    plain.cancel();
    quiet.cancel();
    s.turns(2);
    CHECK(plain.cancelled());
    CHECK(quiet.cancelled());
    CHECK(counts.abandoned == 2);
    CHECK(counts.finished == 0);
    CHECK(counts.released == 2);
}

TEST_CASE("an operation that ends as cancelled by itself is an error, not a cancellation") {
    scripted_runner s;
    s.finish_after(1s, 1, 0, io::error_cancelled);
    s.run([]() -> task<void> {
        tally counts;
        const std::error_code code = co_await error_of(tallied(1, counts));
        CHECK(code == std::errc::operation_canceled);
    }());
}

TEST_CASE("an error other than cancellation is delivered even to a cancelled task") {
    scripted_runner s;
    s.engine.on_cancel = io::scripted_engine::cancel_policy::scripted;
    tally counts;
    std::error_code code;
    auto body = [](tally& counts, std::error_code& code) -> task<void> {
        code = co_await error_of(tallied(1, counts));
    };
    auto handle = s.runner.create_task(body(counts, code));
    s.turns(1);
    handle.cancel();
    s.finish(1, 0, EPIPE);
    s.turns(1);
    CHECK(code == std::errc::broken_pipe);
    CHECK_FALSE(handle.cancelled());
}

TEST_CASE("what must take effect is started in a cancelled scope, and not cancelled") {
    scripted_runner s;
    bool effective = false;
    auto body = [](bool& effective) -> task<void> {
        try {
            co_await sleep(24h);
        } catch (const cancelled&) {
        }
        co_await insistent();
        effective = true;
    };
    auto handle = s.runner.create_task(body(effective));
    s.turns(1);
    handle.cancel();
    s.turns(1);
    CHECK(s.engine.pending().size() == 1);
    handle.cancel();
    CHECK(s.engine.cancels() == 0);
    s.finish(1, 0);
    s.turns(1);
    CHECK(effective);
    CHECK_FALSE(handle.cancelled());
}

TEST_CASE("what is under way and must take effect is not cancelled either") {
    scripted_runner s;
    auto body = []() -> task<void> { co_await insistent(); };
    auto handle = s.runner.create_task(body());
    s.turns(1);
    handle.cancel();
    CHECK(s.engine.cancels() == 0);
    s.finish(1, 0);
    s.turns(1);
    CHECK(handle.done());
}

TEST_CASE("destroying the frame of a pending operation cancels it and waits for the engine") {
    scripted_runner s;
    tally counts;
    std::optional<foreign_coroutine> d;
    s.loop().call_soon([&] { d.emplace(await_in_foreign(1, counts)); });
    s.turns(1);
    REQUIRE(s.engine.pending().size() == 1);
    d->destroy();
    CHECK(s.engine.pending().empty());
    CHECK(s.engine.waits_for_cancel() == 1);
    CHECK(counts.abandoned == 1);
    CHECK(counts.released == 1);
    s.turns(2);
}

TEST_CASE("destroying the frame of an operation that is done but not collected takes it out of the ready queue") {
    scripted_runner s;
    tally counts;
    std::optional<foreign_coroutine> d;
    s.loop().call_soon([&] { d.emplace(await_in_foreign(1, counts)); });
    s.turns(1);
    s.finish(1, 5);
    d->destroy();
    CHECK(s.engine.waits_for_cancel() == 0);
    CHECK(s.engine.completed.empty());
    CHECK(counts.finished == 0);
    CHECK(counts.abandoned == 1);
    CHECK(counts.released == 1);
    s.turns(2);
}

TEST_CASE("a description may be kept, copied and awaited several times") {
    scripted_runner s;
    s.engine.on_start = [](io::operation& op) {
        op.result = 3;
        return true;
    };
    s.run([]() -> task<void> {
        tally counts;
        const tallied kept(1, counts);
        const tallied copy = kept;
        std::int64_t sum = 0;
        for (int i = 0; i < 3; ++i) {
            sum += co_await kept;
            sum += co_await copy;
        }
        CHECK(sum == 18);
        CHECK(counts.retained == 6);
        CHECK(counts.released == 6);
    }());
}
