#include <libasync/coro/result.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include <libasync/error.hpp>

using async::errc;
using async::result;

static_assert(!std::is_copy_constructible_v<result<std::unique_ptr<int>>>);
static_assert(std::is_move_constructible_v<result<std::unique_ptr<int>>>);

TEST_CASE("a result holds a value or an error") {
    result<std::string> value = std::string("text");
    CHECK(value);
    CHECK(value.has_value());
    CHECK_FALSE(value.error());
    CHECK(*value == "text");
    CHECK(value->size() == 4);

    result<std::string> error = make_error_code(errc::closed);
    CHECK_FALSE(error);
    CHECK_FALSE(error.has_value());
    CHECK(error.error() == errc::closed);
}

TEST_CASE("asking for the value of an error throws it") {
    result<int> error = make_error_code(errc::broken);
    std::error_code code;
    try {
        static_cast<void>(error.value());
    } catch (const std::system_error& e) {
        code = e.code();
    }
    CHECK(code == errc::broken);
    CHECK_THROWS_AS(static_cast<void>(*error), std::system_error);
    CHECK_THROWS_AS(static_cast<void>(std::move(error).value()), std::system_error);
}

TEST_CASE("a move-only value is moved out of an expiring result") {
    result<std::unique_ptr<int>> r = std::make_unique<int>(3);
    const std::unique_ptr<int> p = *std::move(r);
    CHECK(*p == 3);
}

TEST_CASE("a result of nothing is a success or an error") {
    const result<void> good;
    CHECK(good);
    CHECK_NOTHROW(good.value());
    CHECK_FALSE(good.error());
    const result<void> bad = make_error_code(errc::busy);
    CHECK_FALSE(bad.has_value());
    CHECK(bad.error() == errc::busy);
    CHECK_THROWS_AS(bad.value(), std::system_error);
}
