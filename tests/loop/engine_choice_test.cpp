#include <libasync/loop/engine_choice.hpp>

#include <doctest/doctest.h>

#include <string>

#include <tests/support/environment.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

TEST_CASE("the engine is the one this run of the tests is about") {
    const std::string seen = async::run([]() -> task<std::string> { co_return this_loop().engine_name(); }());
    CHECK((seen == "uring" || seen == "asio" || seen == "sim"));
    if (const char* expected = std::getenv("LIBASYNC_TEST_ENGINE")) CHECK(seen == expected);
}

TEST_CASE("LIBASYNC_ENGINE chooses the engine, and an option beats it") {
    {
        environment_variable choice("LIBASYNC_ENGINE", "asio");
        CHECK(std::string(runner().loop().engine_name()) == "asio");
    }
    {
        environment_variable choice("LIBASYNC_ENGINE", "sim");
        CHECK(std::string(runner().loop().engine_name()) == "sim");
    }
    environment_variable choice("LIBASYNC_ENGINE", "no such engine");
    CHECK(std::string(runner({.engine = engine_kind::asio}).loop().engine_name()) == "asio");
    CHECK(std::string(runner({.engine = engine_kind::sim}).loop().engine_name()) == "sim");
}

TEST_CASE("an unknown name in LIBASYNC_ENGINE is an error that names it and those that exist") {
    environment_variable choice("LIBASYNC_ENGINE", "urnig");
    std::string message;
    try {
        runner r;
    } catch (const std::invalid_argument& e) {
        message = e.what();
    }
    CHECK(message.find("LIBASYNC_ENGINE") != std::string::npos);
    CHECK(message.find("urnig") != std::string::npos);
    CHECK(message.find("uring") != std::string::npos);
    CHECK(message.find("asio") != std::string::npos);
    CHECK(message.find("sim") != std::string::npos);
}

TEST_CASE("an empty LIBASYNC_ENGINE means the same as none") {
    std::string with_empty;
    std::string with_none;
    log_recorder log;
    {
        environment_variable choice("LIBASYNC_ENGINE", "");
        with_empty = runner().loop().engine_name();
    }
    {
        environment_variable choice("LIBASYNC_ENGINE", nullptr);
        with_none = runner().loop().engine_name();
    }
    CHECK(with_empty == with_none);
}

TEST_CASE("an engine that was asked for and cannot run is an error with the reason, not another engine") {
    environment_variable choice("LIBASYNC_ENGINE", "uring");
    std::string why;
    try {
        runner r;
        CHECK(std::string(r.loop().engine_name()) == "uring");
    } catch (const std::runtime_error& e) {
        why = e.what();
        CHECK(why.find("no engine for the loop: ") == 0);
        CHECK(why.size() > std::string("no engine for the loop: ").size());
    }
}
