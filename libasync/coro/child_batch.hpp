// Many children of one kind, of which all results are wanted: what gather makes of a vector of tasks.
//
// They begin one after another, each in a step of its own. Whoever ends in its first step gives its control block back
// for the next one, so a hundred thousand short tasks need hardly more memory than their frames.
#pragma once

#include <optional>
#include <vector>

#include <libasync/coro/child_group.hpp>
#include <libasync/coro/outcome.hpp>
#include <libasync/detail/exchange.hpp>

namespace async::inline v0::detail {

template <class T>
class child_batch : public all_children, ready_node {
public:
    child_batch(task_context& context, std::vector<task<T>> tasks, std::source_location created)
        : all_children(context),
          creator_(context),
          tasks_(std::move(tasks)),
          results_(tasks_.size()),
          created_(created) {
        run = &child_batch::begin_next;
    }

    // Queues them. Where an order other than the usual is asked for, each stands in the queue for itself.
    void begin() {
        for (const task<T>& t : tasks_) {
            if (!t) fail(std::make_exception_ptr(std::logic_error("gather: a task was moved from or already awaited")));
        }
        expect(tasks_.size());
        if (tasks_.empty()) return;
        if (core().hook == nullptr) return core().ready.push_back(*this);
        while (next_ < tasks_.size() && !children_scope().effective) {
            if (child* c = make_next()) core().ready.push_back(static_cast<ready_node&>(*c));
        }
        drop_rest();
    }

    // Of those that have all ended: throws the first failure, raises `cancelled` if a task was.
    void require_all() const {
        rethrow_failure();
        if (values_ != tasks_.size()) cancelled_access::raise();
    }
    std::vector<optional_result<T>> take_results() {
        std::vector<optional_result<T>> results;
        results.reserve(results_.size());
        for (auto& r : results_) results.push_back(std::move(*r));
        return results;
    }

private:
    struct child final : control_block_of<T> {
        std::size_t index = 0;
    };

    // A step: the next child runs, and this stands in front of the queue again if there are more.
    static bool begin_next(ready_node* node) noexcept {
        auto& self = *static_cast<child_batch*>(node);
        if (self.children_scope().effective) {
            self.drop_rest();
            return false;
        }
        child* c = self.make_next();
        if (self.next_ < self.tasks_.size()) self.core().run_next(*node);
        if (c == nullptr) return false;
        node->handle = c->begin();
        return true;
    }

    // Null, and the batch has failed, if there is no memory.
    child* make_next() noexcept {
        const std::size_t index = next_++;
        task<T> t = std::move(tasks_[index]);
        try {
            child* const c = new child;
            c->index = index;
            c->created = created_;
            task_context* const current = detail::exchange(core().current, &creator_);  // what it inherits
            c->prepare(core(), children_scope(), t.release().promise());
            core().current = current;
            follow(*c, &child_batch::child_done);
            return c;
        } catch (...) {
            fail(std::current_exception());
            one_ended();
            return nullptr;
        }
    }

    // Those that are cancelled before their first step never run.
    void drop_rest() noexcept {
        while (next_ < tasks_.size()) {
            static_cast<void>(task<T>(std::move(tasks_[next_++])));
            one_ended();
        }
    }

    static void child_done(control_block& block) noexcept {
        auto& self = *static_cast<child_batch*>(static_cast<child_group*>(block.on_done_argument));
        if (block.outcome_kind == task_outcome::exception) self.child_failed(block);
        if (block.outcome_kind == task_outcome::value) self.keep_result(static_cast<child&>(block));
        self.one_ended();
    }

    void keep_result(child& c) noexcept {
        try {
            results_[c.index].emplace(take_result<T>(c));
            ++values_;
        } catch (...) {  // its move threw
            fail(std::current_exception());
        }
    }

    task_context& creator_;
    std::vector<task<T>> tasks_;
    std::vector<std::optional<optional_result<T>>> results_;
    const std::source_location created_;
    std::size_t next_ = 0;
    std::size_t values_ = 0;
};

}  // namespace async::inline v0::detail
