#include <libasync/coro/leaf.hpp>

#include <doctest/doctest.h>

#include <coroutine>
#include <optional>

#include <libasync/coro/control_block.hpp>

#include <tests/support/scripted.hpp>

using namespace async_tests;
using detail::leaf;
using detail::ready_node;

namespace {

// Suspends until the test queues its node; counts the requests to stop.
class probe : leaf {
public:
    struct record {
        int effects = 0;
        int stops = 0;
        ready_node* node = nullptr;
    };

    explicit probe(record& r) noexcept : leaf(&probe::stop), record_(r) {}
    ~probe() { node_.unlink_if_linked(); }

    using async_native = void;
    struct description {
        using async_native = void;
        record& r;
        auto operator co_await() const noexcept { return probe(r); }
    };

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        if (!enter(h, node_)) return true;
        ++record_.effects;
        record_.node = &node_;
        wait();
        return true;
    }
    void await_resume() { leave(); }

private:
    static void stop(leaf& l) noexcept { ++static_cast<probe&>(l).record_.stops; }

    record& record_;
    ready_node node_;
};

task<void> await_probe(probe::record& r) { co_await probe::description{r}; }

}  // namespace

TEST_CASE("while a task waits it is asked to stop once, and goes on when its node is queued") {
    scripted_runner s;
    probe::record r;
    auto handle = s.runner.create_task(await_probe(r));
    s.turns(1);
    CHECK(r.effects == 1);
    handle.cancel();
    handle.cancel();
    CHECK(r.stops == 1);
    s.turns(2);
    CHECK_FALSE(handle.done());
    s.loop().core().ready.push_back(*r.node);
    s.turns(1);
    CHECK(handle.done());
    CHECK_FALSE(handle.cancelled());
}

TEST_CASE("a leaf entered in a cancelled scope has no effect, is not asked to stop, and raises in the next turn") {
    scripted_runner s;
    probe::record r;
    task_handle<void> handle;
    auto body = [](task_handle<void>& self, probe::record& r) -> task<void> {
        self.cancel();
        co_await probe::description{r};
    };
    handle = s.runner.create_task(body(handle, r));
    s.turns(1);
    CHECK_FALSE(handle.done());
    handle.cancel();
    s.turns(1);
    CHECK(handle.cancelled());
    CHECK(r.effects == 0);
    CHECK(r.stops == 0);
}

TEST_CASE("a cancellation between the outcome and the resumption does not touch the outcome") {
    scripted_runner s;
    probe::record r;
    auto handle = s.runner.create_task(await_probe(r));
    s.turns(1);
    s.loop().core().ready.push_back(*r.node);
    handle.cancel();
    s.turns(1);
    CHECK(handle.done());
    CHECK_FALSE(handle.cancelled());
}

TEST_CASE("the task forgets where it waited when the awaiter goes") {
    detail::task_context context;
    {
        leaf l([](leaf&) noexcept {});
        l.context = &context;
        l.wait();
        CHECK(context.waiting == &l);
    }
    CHECK(context.waiting == nullptr);
    leaf first([](leaf&) noexcept {});
    first.context = &context;
    first.wait();
    {
        leaf other([](leaf&) noexcept {});
        other.context = &context;
    }
    CHECK(context.waiting == &first);
}

TEST_CASE("coroutines that are no tasks wait outside of all scopes, on a thread that runs a loop") {
    std::error_code code;
    try {
        detail::context_outside_tasks();
    } catch (const std::system_error& e) {
        code = e.code();
    }
    CHECK(code == errc::no_loop);
    scripted_runner s;
    bool checked = false;
    s.loop().call_soon([&] {
        const detail::task_context& outside = detail::context_outside_tasks();
        CHECK(outside.loop == &s.loop().core());
        CHECK_FALSE(outside.cancelled);
        checked = true;
    });
    s.turns(1);
    CHECK(checked);
}
