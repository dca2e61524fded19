#include <libasync/coro/into_task.hpp>

#include <doctest/doctest.h>

#include <memory>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

static_assert(detail::awaitable_operation<task<int>>);
static_assert(detail::awaitable_operation<detail::sleep_description>);
static_assert(!detail::awaitable_operation<int>);
static_assert(!detail::awaitable_operation<std::vector<task<int>>>);
static_assert(std::is_same_v<detail::task_result<task<std::string>>, std::string>);
static_assert(std::is_same_v<detail::task_result<detail::sleep_description>, void>);
static_assert(std::is_same_v<detail::task_result<scripted_operation>, std::int64_t>);

namespace {

task<int> number(int n) { co_return n; }

struct foreign_value {
    explicit foreign_value(int v) : value(std::make_unique<int>(v)) {}
    bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    std::unique_ptr<int> await_resume() noexcept { return std::move(value); }
    std::unique_ptr<int> value;
};

}  // namespace

TEST_CASE("a task stays the task it is") {
    on_every_engine([]() -> task<void> {
        const int n = co_await detail::into_task(number(3));
        CHECK(n == 3);
    });
}

TEST_CASE("operations, handles and foreign awaitables become tasks, and are lazy like all tasks") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        auto operation = detail::into_task(scripted_operation(1));
        CHECK(s.engine.pending().empty());
        s.finish_after(1s, 1, 8);
        const std::int64_t result = co_await std::move(operation);
        CHECK(result == 8);

        auto handle = create_task(number(5));
        const int joined = co_await detail::into_task(std::move(handle));
        CHECK(joined == 5);

        const std::unique_ptr<int> foreign = co_await detail::into_task(foreign_value(6));
        CHECK(*foreign == 6);
    }(s));
}
