#include <libasync/coro/task_dump.hpp>

#include <doctest/doctest.h>

#include <string>

#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

constexpr unsigned line_of_inner = __LINE__ + 1;
task<void> inner() { co_await scripted_operation(1); }

constexpr unsigned line_of_outer = __LINE__ + 1;
task<void> outer() { co_await inner(); }

std::string here(unsigned line) { return "task_dump_test.cpp:" + std::to_string(line); }

}  // namespace

TEST_CASE("each task is told with its name and its awaits, the outermost first; one that has not begun, as such") {
    scripted_runner s;
    auto named = s.runner.create_task(outer(), "reader");
    s.turns(1);
    auto fresh = s.runner.create_task(outer());
    const std::string text = detail::describe_tasks(s.loop().core());
    INFO(text);
    const std::size_t name = text.find("task 'reader'");
    const std::size_t first = text.find(here(line_of_outer));
    const std::size_t second = text.find(here(line_of_inner));
    REQUIRE(name != std::string::npos);
    REQUIRE(first != std::string::npos);
    REQUIRE(second != std::string::npos);
    CHECK(name < first);
    CHECK(first < second);
    CHECK(text.find("has not begun") > second);
    named.cancel();
    CHECK(detail::describe_tasks(s.loop().core()).find("cancelled") != std::string::npos);
}

TEST_CASE("a crowd of tasks is cut short, and counted") {
    scripted_runner s;
    for (int i = 0; i < 300; ++i) s.runner.create_task(outer());
    s.turns(1);
    const std::string text = detail::describe_tasks(s.loop().core());
    CHECK(text.find("and 100 more tasks") != std::string::npos);
    CHECK(text.size() < 200'000);
}
