// Memory runs out while tasks are listed and named: a list is whole or not there, a name the new or the old one.
#include <libasync/testing/allocation_failure.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <libasync/async.hpp>
#include <libasync/coro/current_task.hpp>

#include <tests/support/allocation_failure.hpp>

using namespace async_tests;
using async::task_ref;

namespace {

constexpr const char* long_name = "a name that is too long to be kept in place, whatever the library";

task<void> nap() {
    co_await yield();
    co_await yield();
}

}  // namespace

TEST_CASE("without memory the tasks are listed or not, and each has its old name or the new one") {
    survives([]() -> task<void> {
        std::vector<task_handle<void>> tasks;
        for (int i = 0; i < 5; ++i) tasks.push_back(create_task(nap()));
        const task_ref mine = async::current_task();
        bool listed = false;
        bool named = false;
        try {
            const std::vector<task_ref> all = async::all_tasks();
            must_hold(all.size() == 6 && all[0] == mine, "all are there");
            listed = true;
        } catch (const std::bad_alloc&) {
        }
        try {
            mine.set_name(long_name);
            named = true;
        } catch (const std::bad_alloc&) {
        }
        {
            const async::testing::no_failures meanwhile;
            must_hold(mine.name() == (named ? long_name : "main"), "a name is given whole, or not");
        }
        for (auto& t : tasks) co_await t;
        if (!listed || !named) throw std::bad_alloc();
    });
}
