// Random trees of tasks that gather, race against deadlines, cancel each other and fail: whatever happens, every task
// ends, every object is destroyed once, no failure is lost, and a cancellation that was asked for is seen.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include <libasync/async.hpp>
#include <libasync/sim/simulation.hpp>

namespace async_tests {

using namespace async;
using namespace std::chrono_literals;

struct on_purpose : std::runtime_error {
    on_purpose() : std::runtime_error("on purpose") {}
};

class task_tree {
public:
    static constexpr int depth = 5;

    std::uint64_t begun = 0;
    std::uint64_t ended = 0;  // by value
    std::uint64_t failed = 0;
    std::uint64_t cancelled_ = 0;
    std::uint64_t wrong = 0;
    int alive = 0;

    task<void> main() {
        this_loop().set_exception_handler([this](const exception_context& c) { judge(c.exception); });
        for (int i = 0; i < 3; ++i) {
            try {
                const int value = co_await node(depth);
                if (value != 1) ++wrong;
            } catch (const on_purpose&) {
            } catch (const timeout_error&) {
            } catch (const task_cancelled&) {
            }
        }
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

    void judge(const std::exception_ptr& failure) {
        try {
            std::rethrow_exception(failure);
        } catch (const on_purpose&) {
        } catch (const timeout_error&) {
        } catch (const task_cancelled&) {
        } catch (...) {
            ++wrong;
        }
    }

    static std::uint64_t draw(std::uint64_t bound) { return sim::random_below(bound); }
    static std::chrono::microseconds some_time() { return std::chrono::microseconds(draw(5000)); }

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
        if (levels == 0) co_return co_await leaf();
        switch (draw(8)) {
            case 0: co_return co_await node(levels - 1);
            case 1: co_return co_await two(levels);
            case 2: co_return co_await many(levels);
            case 3: co_return co_await limited(levels);
            case 4: co_return co_await moved_on(levels);
            case 5: co_return co_await scoped(levels);
            case 6: co_return co_await spawned(levels);
            default: co_return co_await leaf();
        }
    }

    task<int> leaf() {
        for (std::uint64_t i = draw(4); i != 0; --i) {
            switch (draw(3)) {
                case 0: co_await yield(); break;
                case 1: co_await sleep(some_time()); break;
                default: co_await read_file("/scene"); break;
            }
        }
        if (draw(20) == 0) throw on_purpose();
        co_return 1;
    }

    task<int> two(int levels) {
        auto both = gather(node(levels - 1), node(levels - 1));
        const auto [a, b] = co_await std::move(both);
        co_return a* b;
    }

    task<int> many(int levels) {
        std::vector<task<int>> children;
        for (std::uint64_t i = draw(5); i != 0; --i) children.push_back(node(levels - 1));
        const std::vector<int> values = co_await gather(std::move(children));
        for (const int value : values) {
            if (value != 1) ++wrong;
        }
        co_return 1;
    }

    task<int> limited(int levels) { co_return co_await timeout(some_time(), node(levels - 1)); }

    task<int> moved_on(int levels) {
        const std::optional<int> value = co_await move_on_after(some_time(), node(levels - 1));
        if (value.value_or(1) != 1) ++wrong;
        co_return 1;
    }

    task<int> scoped(int levels) {
        cancel_scope scope;
        const cancels_later canceller(scope, some_time());
        const std::optional<int> value = co_await scope.run(node(levels - 1));
        if (!value && !scope.cancelled_caught()) ++wrong;
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
            co_await sleep(some_time());
            handle.cancel();
        }
        try {
            co_return co_await handle;
        } catch (const task_cancelled&) {
            if (fate != 1) ++wrong;  // nobody but this task cancels it, unless this task is cancelled itself
            co_return 1;
        }
    }
};

}  // namespace async_tests
