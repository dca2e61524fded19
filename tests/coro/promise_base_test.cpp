#include <libasync/coro/promise_base.hpp>

#include <doctest/doctest.h>

#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

// A task driven without control block, so that its frames can be destroyed while it is suspended.
class driven {
public:
    template <class T>
    driven(scripted_runner& s, task<T> t) : frame_(t.release().promise()) {
        context_.loop = &s.loop().core();
        context_.current_scope = &scope_;
        frame_.context = &context_;
        frame_.state = detail::task_state::spawned;
        s.loop().core().resume(frame_.self);
    }
    driven(const driven&) = delete;
    driven& operator=(const driven&) = delete;

    void destroy() { detail::destroy_chain(frame_); }

    detail::promise_base& promise() { return frame_; }
    unsigned depth() const {
        unsigned count = 0;
        for (const detail::promise_base* p = &frame_; p; p = p->child) ++count;
        return count;
    }

private:
    detail::promise_base& frame_;
    detail::scope scope_;
    detail::task_context context_;
};

struct noted {
    std::vector<int>* order;
    int number;
    noted(std::vector<int>& o, int n) : order(&o), number(n) {}
    noted(const noted&) = delete;
    noted& operator=(const noted&) = delete;
    ~noted() { order->push_back(number); }
};

task<void> chain(int n, std::vector<int>& order) {
    const noted local(order, n);
    if (n == 0) {
        co_await scripted_operation(1);
    } else {
        co_await chain(n - 1, order);
    }
}

}  // namespace

TEST_CASE("each task knows its parent and its child while it waits") {
    scripted_runner s;
    std::vector<int> order;
    driven d(s, chain(100, order));
    CHECK(d.depth() == 101);
    detail::promise_base* p = &d.promise();
    while (p->child) {
        CHECK(p->child->parent == p);
        CHECK(p->child->context == p->context);
        CHECK(p->where.line() != 0);
        CHECK(std::string(p->where.file_name()).find("promise_base_test.cpp") != std::string::npos);
        p = p->child;
    }
    d.destroy();
}

TEST_CASE("a suspended chain is destroyed innermost first, and its operation with it") {
    scripted_runner s;
    std::vector<int> order;
    driven d(s, chain(100, order));
    REQUIRE(s.engine.pending().size() == 1);
    d.destroy();
    CHECK(s.engine.pending().empty());
    CHECK(s.engine.waits_for_cancel() == 1);
    REQUIRE(order.size() == 101);
    for (int i = 0; i <= 100; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("the place of the current await is recorded: file and line of each") {
    scripted_runner s;
    auto body = [](std::vector<unsigned>& lines) -> task<void> {
        lines.push_back(__LINE__ + 1);
        co_await scripted_operation(1);
        lines.push_back(__LINE__ + 1);
        co_await sleep(1s);
    };
    std::vector<unsigned> lines;
    driven d(s, body(lines));
    CHECK(d.promise().where.line() == lines.at(0));
    s.finish(1, 0);
    s.turns(1);
    CHECK(d.promise().where.line() == lines.at(1));
    d.destroy();
    CHECK(s.loop().core().timers.empty());
}

TEST_CASE("no more than 32 tasks are resumed in place, one inside another") {
    scripted_runner s;
    unsigned deepest = 0;
    auto descend = [&deepest, &s](auto& self, int n) -> task<void> {
        deepest = std::max(deepest, s.loop().core().depth);
        if (n != 0) co_await self(self, n - 1);
    };
    s.run(descend(descend, 1000));
    CHECK(deepest == detail::loop_core::max_depth);
    CHECK(s.loop().core().depth == 0);
}
