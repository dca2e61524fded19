#include <libasync/coro/control_block.hpp>

#include <doctest/doctest.h>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;
using detail::block_ptr;
using detail::control_block_of;

namespace {

const std::source_location here = std::source_location::current();

task<counted> make_counted() {
    co_await yield();
    co_return counted(1);
}

task<void> nothing() { co_return; }

}  // namespace

TEST_CASE("a control block lives as long as the loop runs its task or somebody holds it, and its outcome with it") {
    counted::reset();
    scripted_runner s;
    detail::loop_core& core = s.loop().core();
    auto block = detail::spawn(core, core.tasks->root, make_counted(), {}, here);
    CHECK(block->references == 2);
    auto copy = block;
    CHECK(block->references == 3);
    copy = {};
    s.turns(3);
    CHECK(block->done());
    CHECK(block->references == 1);
    CHECK(counted::alive() == 1);
    const block_ptr moved = std::move(block);
    CHECK_FALSE(static_cast<bool>(block));
    CHECK(moved->references == 1);
    {
        const block_ptr last = moved;
    }
    CHECK(counted::alive() == 1);
}

TEST_CASE("the outcome nobody took is destroyed with the last reference") {
    counted::reset();
    {
        scripted_runner s;
        auto handle = s.runner.create_task(make_counted());
        s.turns(3);
        CHECK(handle.done());
        CHECK(counted::alive() == 1);
    }
    CHECK(counted::alive() == 0);
}

TEST_CASE("tasks are numbered in the order of creation, listed until they end, and named by their number") {
    scripted_runner s;
    detail::loop_core& core = s.loop().core();
    auto first = detail::spawn(core, core.tasks->root, nothing(), {}, here);
    auto second = detail::spawn(core, core.tasks->root, nothing(), "named", here);
    CHECK(second->number == first->number + 1);
    CHECK(first->display_name() == "task-" + std::to_string(first->number));
    CHECK(second->display_name() == "named");
    CHECK(first->created.line() == here.line());
    CHECK_FALSE(core.tasks->all.empty());
    s.turns(1);
    CHECK(core.tasks->all.empty());
    CHECK(core.tasks->root.first_child == nullptr);
}

TEST_CASE("a task spawned under a cancelled scope is cancelled before it starts") {
    scripted_runner s;
    detail::loop_core& core = s.loop().core();
    detail::scope parent;
    parent.attach(core.tasks->root, nullptr);
    parent.cancel();
    auto block = detail::spawn(core, parent, nothing(), {}, here);
    s.turns(1);
    CHECK(block->outcome_kind == detail::task_outcome::cancelled);
}

TEST_CASE("the end of a task is told once, when the frame is gone and the outcome is there") {
    counted::reset();
    scripted_runner s;
    detail::loop_core& core = s.loop().core();
    auto body = [](counted) -> task<int> {
        co_await yield();
        co_return 5;
    };
    auto block = detail::spawn(core, core.tasks->root, body(counted(1)), {}, here);
    static int told;
    told = 0;
    block->on_done = [](detail::control_block& b) noexcept {
        told += counted::alive() == 0 && static_cast<control_block_of<int>&>(b).outcome.value() == 5 ? 1 : 100;
    };
    s.turns(4);
    CHECK(told == 1);
}
