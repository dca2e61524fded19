// as_completed: the outcomes of tasks that run side by side, in the order in which they end: asyncio.as_completed.
//
//   auto pages = async::as_completed(std::move(fetches));        // a std::vector<async::task<page>>
//   while (auto next = co_await pages.next()) use(next->index, next->value());
#pragma once

#include <vector>

#include <libasync/coro/cancel_scope.hpp>
#include <libasync/coro/generator.hpp>
#include <libasync/coro/outcome.hpp>
#include <libasync/coro/task_handle.hpp>
#include <libasync/detail/exchange.hpp>

namespace async::inline v0 {

// How a task ended, and its place among the arguments.
template <class T>
struct completed : outcome<T> {
    completed(std::size_t i, detail::control_block_of<T>& block) : outcome<T>(block), index(i) {}
    std::size_t index;
};

namespace detail {

// Notes in which order tasks end. Asks for memory when it is made only.
class end_watch {
public:
    explicit end_watch(std::size_t tasks) : watchers_(new watcher[tasks]), count_(tasks) {}
    end_watch(const end_watch&) = delete;
    end_watch& operator=(const end_watch&) = delete;
    ~end_watch() {
        for (std::size_t i = 0; i < count_; ++i) watchers_[i].unlink_if_linked();
        delete[] watchers_;
    }

    void follow(std::size_t index, control_block& task) {
        watcher& w = watchers_[index];
        w.watch = this;
        w.run = &end_watch::task_ended;
        if (task.done()) {
            ended_.push_back(w);
        } else {
            task.joiners.push_back(w);
        }
    }

    // Waits for the next end, and gives the index of the task. Cancelled, it is told by a later call.
    class next_awaiter : leaf {
    public:
        explicit next_awaiter(end_watch& w) noexcept : leaf(&next_awaiter::stop), watch_(w) {}
        ~next_awaiter() {
            if (watch_.waiter_ == &node_) watch_.waiter_ = nullptr;
            node_.unlink_if_linked();
        }
        bool await_ready() const noexcept { return false; }

        template <class Promise>
        bool await_suspend(std::coroutine_handle<Promise> h) {
            if (!enter(h, node_)) return true;
            if (!watch_.ended_.empty()) {
                if (core().may_continue_in_place()) return false;
                core().ready.push_back(node_);
            } else {
                watch_.waiter_ = &node_;
            }
            wait();
            return true;
        }

        std::size_t await_resume() {
            leave();
            if (stopped_) cancelled_access::raise();
            const auto* first = static_cast<watcher*>(watch_.ended_.pop_front());
            return static_cast<std::size_t>(first - watch_.watchers_);
        }

    private:
        static void stop(leaf& l) noexcept {
            auto& self = static_cast<next_awaiter&>(l);
            if (self.watch_.waiter_ != &self.node_) return;
            self.watch_.waiter_ = nullptr;
            self.stopped_ = true;
            self.core().ready.push_back(self.node_);
        }

        end_watch& watch_;
        ready_node node_;
        bool stopped_ = false;
    };
    struct next_description {
        using async_native = void;
        end_watch* watch;
        auto operator co_await() const noexcept { return next_awaiter(*watch); }
    };
    next_description next() noexcept { return {this}; }

private:
    struct watcher : ready_node {
        end_watch* watch = nullptr;
    };

    static bool task_ended(ready_node* node) noexcept {
        auto* w = static_cast<watcher*>(node);
        w->watch->ended_.push_back(*w);
        if (ready_node* waiter = detail::exchange(w->watch->waiter_, nullptr)) this_core->ready.push_back(*waiter);
        return false;
    }

    watcher* const watchers_;  // owned
    const std::size_t count_;
    ready_list ended_;
    ready_node* waiter_ = nullptr;
};

// Tasks that are cancelled if nobody is left to take their outcomes.
template <class T>
class owned_tasks {
public:
    using list = std::vector<block_ptr<control_block_of<T>>>;

    explicit owned_tasks(std::size_t count) { blocks_.reserve(count); }
    owned_tasks(const owned_tasks&) = delete;
    owned_tasks& operator=(const owned_tasks&) = delete;
    ~owned_tasks() { cancel(); }

    void start(task<T> t, std::source_location created) {
        loop_core& core = require_core("as_completed");
        blocks_.push_back(spawn(core, core.tasks->root, std::move(t), {}, created));
    }

    void cancel() noexcept {
        for (const auto& block : blocks_) {
            if (!block->done()) block->own_scope.cancel();
        }
    }

    const list& blocks() const noexcept { return blocks_; }

private:
    list blocks_;
};

template <class T>
task<void> cancel_and_wait(owned_tasks<T>& tasks, end_watch& watch, std::size_t left) {
    tasks.cancel();
    cancel_scope scope(time_point::max(), shielding::shielded);
    auto all = [](end_watch& watch, std::size_t left) -> task<void> {
        for (; left != 0; --left) static_cast<void>(co_await watch.next());
    };
    co_await scope.run(all(watch, left));
}

template <class T>
generator<completed<T>> complete_tasks(std::vector<task<T>> tasks, std::source_location created) {
    owned_tasks<T> running(tasks.size());
    end_watch watch(tasks.size());
    for (task<T>& t : tasks) {
        running.start(std::move(t), created);
        watch.follow(running.blocks().size() - 1, *running.blocks().back());
    }
    std::size_t left = tasks.size();
    std::exception_ptr stopped;
    try {
        while (left != 0) {
            const std::size_t index = co_await watch.next();
            --left;
            co_yield completed<T>(index, *running.blocks()[index]);
        }
    } catch (...) {
        stopped = std::current_exception();
    }
    if (!stopped) co_return;
    co_await cancel_and_wait(running, watch, left);
    std::rethrow_exception(stopped);
}

template <class T>
generator<completed<T>> complete_handles(std::vector<task_handle<T>> handles) {
    end_watch watch(handles.size());
    for (std::size_t i = 0; i < handles.size(); ++i) watch.follow(i, *handles[i].block());
    for (std::size_t left = handles.size(); left != 0; --left) {
        const std::size_t index = co_await watch.next();
        auto& block = static_cast<control_block_of<T>&>(*handles[index].block());
        co_yield completed<T>(index, block);
    }
}

}  // namespace detail

// Runs the tasks, from the first next() on, and yields for each `completed<T>`: its outcome, with value() and exception(), and
// its `index`. When next() is cancelled, or by close(), those that still run are cancelled and waited for; when the
// generator is dropped, they are cancelled. Throws std::logic_error for an empty task, std::bad_alloc.
template <class T>
generator<completed<T>> as_completed(std::vector<task<T>> tasks,
                                     std::source_location created = std::source_location::current()) {
    for (const task<T>& t : tasks) {
        if (!t) throw std::logic_error("as_completed: a task that was moved from or already awaited cannot be started");
    }
    return detail::complete_tasks(std::move(tasks), created);
}

// The same for tasks that run already; they are never cancelled. Throws std::invalid_argument for an empty handle.
template <class T>
generator<completed<T>> as_completed(std::vector<task_handle<T>> handles) {
    for (const task_handle<T>& h : handles) {
        if (!h) throw std::invalid_argument("as_completed: a task_handle is empty");
    }
    return detail::complete_handles(std::move(handles));
}

}  // namespace async::inline v0
