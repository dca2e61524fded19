#include <libasync/coro/scope.hpp>

#include <doctest/doctest.h>

#include <deque>
#include <memory>
#include <vector>

#include <libasync/coro/leaf.hpp>

using namespace async;
using detail::leaf;
using detail::scope;
using detail::task_context;

namespace {

// A task that waits inside its scope, and counts how often it is asked to stop.
struct waiting_task {
    struct counting_leaf : leaf {
        counting_leaf() : leaf([](leaf& l) noexcept { ++static_cast<counting_leaf&>(l).stops; }) {}
        int stops = 0;
    };

    explicit waiting_task(scope& parent) {
        context.current_scope = &own;
        own.attach(parent, &context);
        context.cancelled = own.effective;
        at.context = &context;
        context.waiting = &at;
    }

    scope own;
    task_context context;
    counting_leaf at;
};

}  // namespace

TEST_CASE("a cancellation reaches every scope below, and asks each task that waits there to stop, once") {
    scope root;
    scope group;
    group.attach(root, nullptr);
    waiting_task a(group);
    waiting_task b(group);
    waiting_task beside(root);
    group.cancel();
    group.cancel();
    CHECK(group.effective);
    CHECK(a.own.effective);
    CHECK(a.context.cancelled);
    CHECK(a.at.stops == 1);
    CHECK(b.at.stops == 1);
    CHECK_FALSE(a.own.called);
    CHECK_FALSE(root.effective);
    CHECK_FALSE(beside.context.cancelled);
    CHECK(beside.at.stops == 0);
    root.cancel();
    CHECK(a.at.stops == 1);
    CHECK(beside.at.stops == 1);
}

TEST_CASE("a scope attached under a cancelled one is cancelled from the start, unless shielded") {
    scope root;
    root.cancel();
    scope open;
    scope shielded;
    shielded.shielded = true;
    open.attach(root, nullptr);
    shielded.attach(root, nullptr);
    CHECK(open.effective);
    CHECK_FALSE(open.called);
    CHECK_FALSE(shielded.effective);
}

TEST_CASE("a shield keeps cancellations from outside away, not its own") {
    scope root;
    scope shielded;
    shielded.shielded = true;
    shielded.attach(root, nullptr);
    waiting_task inside(shielded);
    root.cancel();
    CHECK_FALSE(inside.context.cancelled);
    CHECK(inside.at.stops == 0);
    shielded.cancel();
    CHECK(inside.context.cancelled);
    CHECK(inside.at.stops == 1);
}

TEST_CASE("only a task whose innermost scope is reached is asked to stop") {
    scope root;
    waiting_task t(root);
    scope shielded;
    shielded.shielded = true;
    t.context.enter(shielded);
    t.own.cancel();
    CHECK(t.own.effective);
    CHECK_FALSE(t.context.cancelled);
    CHECK(t.at.stops == 0);
    t.context.leave(shielded);
    CHECK(t.context.cancelled);
}

TEST_CASE("entering and leaving keeps the task's copy of the flag right") {
    scope root;
    waiting_task t(root);
    scope inner;
    {
        const detail::scope_entry inside(t.context, inner);
        CHECK(t.context.current_scope == &inner);
        inner.cancel();
        CHECK(t.context.cancelled);
    }
    CHECK_FALSE(t.context.cancelled);
    CHECK(t.context.current_scope == &t.own);
    CHECK(inner.parent == nullptr);
}

TEST_CASE("a scope absorbs what was meant for it alone") {
    scope root;
    scope outer;
    scope inner;
    outer.attach(root, nullptr);
    inner.attach(outer, nullptr);
    CHECK_FALSE(inner.absorbs());
    inner.cancel();
    CHECK(inner.absorbs());
    outer.cancel();
    CHECK_FALSE(inner.absorbs());
    CHECK(outer.absorbs());
    root.cancel();
    CHECK_FALSE(outer.absorbs());
    CHECK(root.absorbs());
}

TEST_CASE("a shielded scope absorbs its own cancellation, whatever happens outside") {
    scope root;
    scope shielded;
    shielded.shielded = true;
    shielded.attach(root, nullptr);
    root.cancel();
    CHECK_FALSE(shielded.absorbs());
    shielded.cancel();
    CHECK(shielded.absorbs());
}

TEST_CASE("scopes leave the tree in any order among siblings, also by being destroyed") {
    scope root;
    std::vector<std::unique_ptr<scope>> children;
    for (int i = 0; i < 5; ++i) {
        children.push_back(std::make_unique<scope>());
        children.back()->attach(root, nullptr);
    }
    children[2].reset();
    children[0].reset();
    children[4]->detach();
    children[4]->detach();
    root.cancel();
    CHECK(children[1]->effective);
    CHECK(children[3]->effective);
    CHECK_FALSE(children[4]->effective);
    children.clear();
    CHECK(root.first_child == nullptr);
}

TEST_CASE("a tree of 100,000 scopes, deep or wide, is cancelled without recursion") {
    constexpr std::size_t count = 100'000;
    {
        std::deque<scope> chain(count);
        for (std::size_t i = 1; i < count; ++i) chain[i].attach(chain[i - 1], nullptr);
        chain[0].cancel();
        CHECK(chain[count - 1].effective);
        for (std::size_t i = count; i-- > 1;) chain[i].detach();
    }
    scope root;
    std::deque<scope> flat(count);
    for (scope& s : flat) s.attach(root, nullptr);
    root.cancel();
    CHECK(flat.front().effective);
    CHECK(flat.back().effective);
}

TEST_CASE("a task asked to stop may cancel further scopes: they are worked off in turn, without recursion") {
    constexpr std::size_t count = 100'000;
    struct linked : leaf {
        linked()
            : leaf([](leaf& l) noexcept {
                  auto& self = static_cast<linked&>(l);
                  if (self.next) self.next->cancel();
              }) {}
        scope* next = nullptr;
    };
    scope root;
    std::deque<scope> scopes(count);
    std::deque<task_context> contexts(count);
    std::deque<linked> leaves(count);
    for (std::size_t i = 0; i < count; ++i) {
        scopes[i].attach(root, &contexts[i]);
        contexts[i].current_scope = &scopes[i];
        contexts[i].waiting = &leaves[i];
        if (i + 1 < count) leaves[i].next = &scopes[i + 1];
    }
    scopes[0].cancel();
    CHECK(scopes[count - 1].called);
    CHECK(contexts[count - 1].cancelled);
    CHECK_FALSE(root.effective);
}
