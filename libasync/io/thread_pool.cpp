#include <libasync/io/thread_pool.hpp>

#include <algorithm>

#include <libasync/io/engine.hpp>
#include <libasync/io/file_calls.hpp>
#include <libasync/io/memory_guard.hpp>
#include <libasync/io/quiet_threads.hpp>

namespace async::inline v0::io {

namespace {

// On the loop's thread: the outcome was recorded by the thread that ran the operation.
bool finish(detail::ready_node* node) noexcept {
    auto* op = static_cast<operation*>(node);
    memory_guard::let_go(memory_guard::holder::engine, *op);
    op->run = nullptr;
    op->state = op_state::done;
    return true;
}

// `run` tells a queued operation from one that a thread has taken. The links cannot: the ready
// queue uses them.
bool is_taken(const operation& op) noexcept { return op.run == &finish; }

}  // namespace

thread_pool::thread_pool(engine& owner, unsigned max_threads) : thread_pool(&owner, max_threads) {}

thread_pool::thread_pool(unsigned max_threads) : thread_pool(nullptr, max_threads) {}

thread_pool::thread_pool(engine* owner, unsigned max_threads) : owner_(owner), max_threads_(std::max(max_threads, 1u)) {
    running_.reserve(max_threads_);
    threads_.reserve(max_threads_);
}

void thread_pool::close() noexcept {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
        while (queued_ != 0) {
            operation* op = queue_.pop_front();
            --queued_;
            op->run = &finish;
            op->fail(errc::closed);
            tell(*op);  // under the lock: who would remove it waits until nobody touches it here
        }
    }
    stop();
}

void thread_pool::stop() noexcept {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    work_to_do_.notify_all();
    for (std::thread& thread : threads_) {
        LIBASYNC_ASSERT(thread.get_id() != std::this_thread::get_id(), "a pool does not end on a thread of its own");
        thread.join();
    }
    threads_.clear();
}

void thread_pool::tell(operation& op) noexcept {
    if (owner_) {
        owner_->post_done(op);
    } else {
        static_cast<work_op&>(op).home->post_from_other_pool(op);
    }
}

bool thread_pool::submit(operation& op) {
    std::lock_guard lock(mutex_);
    if (stopping_) return false;
    op.run = nullptr;
    queue_.push_back(op);
    ++queued_;
    if (queued_ > idle_threads_ && threads_.size() < max_threads_) {
        try {
            threads_.push_back(quiet_thread([this] { run_thread(); }));
        } catch (...) {
            if (threads_.empty()) {
                op.unlink();
                --queued_;
                throw;
            }
        }
    }
    work_to_do_.notify_one();
    return true;
}

bool thread_pool::remove(operation& op) noexcept {
    std::lock_guard lock(mutex_);
    if (is_taken(op)) return false;
    op.unlink();
    --queued_;
    return true;
}

void thread_pool::wait_until_finished(operation& op) noexcept {
    std::unique_lock lock(mutex_);
    work_finished_.wait(lock, [&] { return std::find(running_.begin(), running_.end(), &op) == running_.end(); });
}

void thread_pool::run_thread() noexcept {
    std::unique_lock lock(mutex_);
    for (;;) {
        ++idle_threads_;
        work_to_do_.wait(lock, [&] { return queued_ != 0 || stopping_; });
        --idle_threads_;
        if (queued_ == 0) return;

        operation* op = queue_.pop_front();
        --queued_;
        op->run = &finish;
        running_.push_back(op);
        lock.unlock();

        execute_blocking(*op);
        tell(*op);  // from here on the loop may destroy it; if the loop has closed, its owner does

        lock.lock();
        running_.erase(std::find(running_.begin(), running_.end(), op));
        work_finished_.notify_all();
    }
}

}  // namespace async::inline v0::io
