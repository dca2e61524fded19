// Random trees of tasks that gather, race, form groups, shield each other, race against deadlines, cancel each other and
// fail: whatever happens, every task ends, every object is destroyed once, no value and no failure is lost or doubled, and
// a cancellation that was asked for is seen.
#pragma once

#include <vector>

#include <tests/support/task_world.hpp>

namespace async_tests {

class task_tree {
public:
    static constexpr int depth = 5;

    task_tree(std::uint64_t seed, std::string file) : world(seed, std::move(file)) {}

    task_world world;
    std::uint64_t begun = 0;
    std::uint64_t ended = 0;  // by value
    std::uint64_t failed = 0;
    std::uint64_t cancelled_ = 0;
    int alive = 0;
    bool over = false;  // main has ended: what is left is cancelled

    task<void> main() {
        this_loop().set_exception_handler([this](const exception_context& c) { world.judge(c.exception); });
        for (int i = 0; i < 3; ++i) {
            try {
                const int value = co_await node(depth);
                check(value == 1);
            } catch (...) {
                world.judge(std::current_exception());
            }
        }
        over = true;
    }

private:
    // Counts itself in and out.
    class guest {
    public:
        explicit guest(task_tree& t) : tree_(t) {
            ++tree_.begun;
            ++tree_.alive;
        }
        guest(const guest&) = delete;
        guest& operator=(const guest&) = delete;
        ~guest() { --tree_.alive; }

    private:
        task_tree& tree_;
    };

    std::uint64_t draw(std::uint64_t bound) { return world.draw(bound); }
    void check(bool holds) { world.wrong += !holds; }

    // A task that gives 1, fails on purpose, or is cancelled.
    task<int> node(int levels) {
        const guest here(*this);
        try {
            const int value = co_await body(levels);
            ++ended;
            co_return value;
        } catch (const cancelled&) {
            ++cancelled_;
            throw;
        } catch (...) {
            ++failed;
            throw;
        }
    }

    task<int> body(int levels) {
        if (levels == 0) return leaf();
        switch (draw(16)) {
            case 0: return node(levels - 1);
            case 1: return two(levels);
            case 2: return many(levels);
            case 3: return limited(levels);
            case 4: return moved_on(levels);
            case 5: return scoped(levels);
            case 6: return spawned(levels);
            case 7: return raced(levels);
            case 8: return settled(levels);
            case 9: return grouped(levels);
            case 10: return shielded(levels);
            case 11: return cleaned_up(levels);
            case 12: return completed_one_by_one(levels);
            case 13: return waited_for(levels);
            case 14: return made_ready(levels);
            default: return leaf();
        }
    }

    task<int> leaf() {
        for (std::uint64_t i = draw(4); i != 0; --i) co_await world.do_something();
        if (draw(20) == 0) world.fail();
        co_return 1;
    }

    std::vector<task<int>> some_nodes(int levels, std::uint64_t least) {
        std::vector<task<int>> children;
        for (std::uint64_t i = least + draw(4); i != 0; --i) children.push_back(node(levels - 1));
        return children;
    }

    task<int> two(int levels) {
        const auto [a, b] = co_await gather(node(levels - 1), node(levels - 1));
        co_return a * b;
    }

    task<int> many(int levels) {
        const std::vector<int> values = co_await gather(some_nodes(levels, 0));
        for (const int value : values) check(value == 1);
        co_return 1;
    }

    task<int> limited(int levels) { co_return co_await timeout(world.some_time(), node(levels - 1)); }

    task<int> moved_on(int levels) {
        const std::optional<int> value = co_await move_on_after(world.some_time(), node(levels - 1));
        check(value.value_or(1) == 1);
        co_return 1;
    }

    task<int> scoped(int levels) {
        cancel_scope scope;
        const cancels_later canceller(scope, world.some_time());
        const std::optional<int> value = co_await scope.run(node(levels - 1));
        check(value || scope.cancelled_caught());
        co_return 1;
    }

    class cancels_later {
    public:
        cancels_later(cancel_scope& scope, std::chrono::microseconds delay)
            : callback_(this_loop().call_later(delay, [&scope] { scope.cancel(); })) {}
        cancels_later(const cancels_later&) = delete;
        cancels_later& operator=(const cancels_later&) = delete;
        ~cancels_later() { callback_.cancel(); }

    private:
        callback_handle callback_;
    };

    // Joined, cancelled, or left to itself.
    task<int> spawned(int levels) {
        auto handle = create_task(node(levels - 1), "spawned");
        const std::uint64_t fate = draw(3);
        if (fate == 0) co_return 1;
        if (fate == 1) {
            co_await sleep(world.some_time());
            handle.cancel();
        }
        try {
            co_return co_await handle;
        } catch (const task_cancelled&) {
            // Of itself, if a group inside was cut short; else nobody but this task cancels it, or the end of the run.
            check(fate == 1 || !handle.cancelled() || over);
            co_return 1;
        }
    }

    task<int> raced(int levels) {
        const auto first = co_await race(some_nodes(levels, 1));
        co_return first.value;
    }

    task<int> settled(int levels) {
        auto outcomes = co_await gather_settled(some_nodes(levels, 0));
        for (auto& each : outcomes) {
            if (each.failed()) world.judge(each.exception());
            check(each.failed() || each.value() == 1);
        }
        co_return 1;
    }

    // Children that start children; now and then the group is cancelled.
    task<int> grouped(int levels) {
        auto grow = [](task_tree& tree, task_group& group, int levels) -> task<void> {
            static_cast<void>(co_await tree.node(levels - 1));
            if (tree.draw(2) == 0) group.start(tree.node(levels - 1));
        };
        auto body = [this, levels, grow](task_group& group) -> task<int> {
            for (std::uint64_t i = draw(3); i != 0; --i) group.start(grow(*this, group, levels));
            const int value = co_await node(levels - 1);
            if (draw(4) == 0) group.cancel();
            co_return value;
        };
        co_return co_await with_task_group(body);
    }

    task<int> shielded(int levels) {
        try {
            co_return co_await shield(node(levels - 1), world.some_time());
        } catch (const timeout_error&) {
            co_return 1;
        }
    }

    task<int> cleaned_up(int levels) {
        auto clean = [](task_tree& tree, bool& done) -> task<void> {
            co_await sleep(tree.world.some_time() / 10);
            done = true;
        };
        bool done = false;
        int value = 0;
        std::exception_ptr failure;
        try {
            value = co_await finally(node(levels - 1), clean(*this, done));
        } catch (...) {
            failure = std::current_exception();
        }
        check(done);
        if (failure) std::rethrow_exception(failure);
        co_return value;
    }

    // Now and then it is dropped in the middle.
    task<int> completed_one_by_one(int levels) {
        auto each = as_completed(some_nodes(levels, 0));
        while (auto next = co_await each.next()) {
            if (next->failed()) world.judge(next->exception());
            check(next->failed() || next->cancelled() || next->value() == 1);
            if (draw(8) == 0) break;
        }
        co_return 1;
    }

    task<int> waited_for(int levels) {
        std::vector<task_handle<int>> handles;
        for (auto& each : some_nodes(levels, 1)) handles.push_back(create_task(std::move(each)));
        const auto result = co_await async::wait(handles, static_cast<when>(draw(3)), world.some_time());
        check(result.done.size() + result.pending.size() == handles.size());
        for (const std::size_t i : result.pending) handles[i].cancel();
        co_return 1;
    }

    task<int> made_ready(int levels) {
        auto serve = [](task_status<int> status, task_tree& tree, int levels) -> task<void> {
            const int value = co_await tree.node(levels - 1);
            status.started(value);
            static_cast<void>(co_await tree.node(levels - 1));
        };
        auto body = [this, levels, serve](task_group& group) -> task<int> {
            co_return co_await group.start_ready(serve, std::ref(*this), levels);
        };
        co_return co_await with_task_group(body);
    }
};

}  // namespace async_tests
