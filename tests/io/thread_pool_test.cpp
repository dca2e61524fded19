#include <libasync/io/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

#include <doctest/doctest.h>

#include <libasync/io/engine.hpp>

#ifndef _WIN32
#include <pthread.h>
#include <signal.h>
#endif

using namespace async;
using namespace async::io;

namespace {

// An engine of posts alone.
class post_box : public engine {
public:
    const char* name() const noexcept override { return "post box"; }
    socket_ptr adopt(native_handle, socket_role) override { return {}; }
    bool start(operation&) noexcept override { return true; }
    void cancel(operation&) noexcept override {}
    void cancel_and_wait(operation&) noexcept override {}
    native_handle give_away(io::socket&) noexcept override { return invalid_handle; }
    void release(io::socket&) noexcept override {}
    void shut_down() noexcept override {}
    native_handle wait_handle() override { return invalid_handle; }
    engine_statistics statistics() const noexcept override { return {}; }

    void visit(time_point) noexcept override {
        if (begin_wait()) {
            std::unique_lock lock(mutex_);
            woken_.wait(lock, [this] { return wake_requested_; });
            wake_requested_ = false;
        }
        end_wait();
        collect_posts();
    }

    // Runs what has been posted; returns how much it was.
    int collect() {
        int count = 0;
        collect_posts();
        while (!completed.empty()) {
            detail::ready_node* node = completed.pop_front();
            CHECK(node->run(node));
            ++count;
        }
        return count;
    }

private:
    void wake() noexcept override {
        const std::lock_guard lock(mutex_);
        wake_requested_ = true;
        woken_.notify_one();
    }

    std::mutex mutex_;
    std::condition_variable woken_;
    bool wake_requested_ = false;
};

struct job : work_op {
    explicit job(std::atomic<int>& c) : work_op([](work_op& op) noexcept { ++static_cast<job&>(op).count; }), count(c) {
        state = op_state::pending;
    }
    std::atomic<int>& count;
};

// Holds up the thread that runs it.
struct blocker : work_op {
    blocker() : work_op([](work_op& op) noexcept { static_cast<blocker&>(op).block(); }) { state = op_state::pending; }

    void block() {
        running = true;
        while (!open) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    void wait_until_running() const {
        while (!running) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    void release() { open = true; }

    std::atomic<bool> running{false};
    std::atomic<bool> open{false};
};

}  // namespace

TEST_CASE("everything that is submitted runs and is posted, once") {
    post_box box;
    std::atomic<int> count{0};
    std::vector<std::unique_ptr<job>> jobs;
    thread_pool pool(box, 3);
    for (int i = 0; i < 300; ++i) pool.submit(*jobs.emplace_back(std::make_unique<job>(count)));
    int posted = 0;
    while (posted < 300) {
        box.visit(time_point::max());
        posted += box.collect();
    }
    CHECK(count == 300);
    for (auto& j : jobs) {
        CHECK(j->state == op_state::done);
        CHECK((j->run == nullptr));
    }
}

TEST_CASE("what is queued can be removed, what runs cannot") {
    post_box box;
    std::atomic<int> count{0};
    blocker running;
    job queued(count), other(count);
    {
        thread_pool pool(box, 1);
        pool.submit(running);
        running.wait_until_running();
        pool.submit(queued);
        pool.submit(other);
        CHECK_FALSE(pool.remove(running));
        CHECK(pool.remove(queued));
        CHECK_FALSE(queued.linked());
        running.release();
        pool.wait_until_finished(running);
        CHECK_FALSE(pool.remove(running));
    }
    CHECK(box.collect() == 2);  // the pool ends when its queue is empty
    CHECK(count == 1);
    CHECK(queued.state == op_state::pending);
    CHECK(other.state == op_state::done);
}

TEST_CASE("after wait_until_finished nobody touches the operation") {
    post_box box;
    std::atomic<int> count{0};
    thread_pool pool(box, 2);
    for (int i = 0; i < 500; ++i) {
        auto op = std::make_unique<job>(count);
        pool.submit(*op);
        if (!pool.remove(*op)) {
            pool.wait_until_finished(*op);
            box.collect_posts();
            op->unlink_if_linked();
        }
    }
    CHECK(box.completed.empty());
}

TEST_CASE("work that ends after the loop has closed is not lost on the pool") {
    post_box box;
    std::atomic<int> count{0};
    box.close_posts();
    thread_pool pool(box, 1);
    job op(count);
    pool.submit(op);
    while (pool.remove(op)) pool.submit(op);
    pool.wait_until_finished(op);
    CHECK(count == 1);
    CHECK_FALSE(op.linked());
    CHECK(box.completed.empty());
}

TEST_CASE("a pool of nobody's posts to the engine that each operation comes from") {
    std::atomic<int> count{0};
    thread_pool pool(2);
    struct side final : post_box {
        void start_in(thread_pool& pool, job& op) {
            op.pool = &pool;
            REQUIRE_FALSE(start_in_pool(op));
        }
        ~side() override { stop_pool(); }
    };
    for (int round = 0; round < 50; ++round) {
        job first(count), second(count);
        side left, right;
        left.start_in(pool, first);
        right.start_in(pool, second);
        left.visit(time_point::max());
        right.visit(time_point::max());
        CHECK(left.collect() == 1);
        CHECK(right.collect() == 1);
        CHECK(first.state == op_state::done);
        CHECK(second.state == op_state::done);
    }
    CHECK(count == 100);
}

TEST_CASE("a pool that is closed ends what is queued, waits for what runs, and takes nothing more") {
    post_box box;
    std::atomic<int> count{0};
    blocker running;
    job queued(count), late(count);
    thread_pool pool(box, 1);
    pool.submit(running);
    running.wait_until_running();
    pool.submit(queued);
    std::thread closer([&] { pool.close(); });
    while (box.collect() == 0) std::this_thread::yield();
    CHECK(queued.state == op_state::done);
    CHECK(queued.code() == errc::closed);
    CHECK(running.state == op_state::pending);
    running.release();
    closer.join();
    CHECK(box.collect() == 1);
    CHECK(running.state == op_state::done);
    CHECK(running.error == 0);
    CHECK_FALSE(pool.submit(late));
    CHECK_FALSE(late.linked());
    CHECK(count == 0);
    pool.close();
}

#ifndef _WIN32
TEST_CASE("the threads of the pool take no signals") {
    post_box box;
    struct look : work_op {
        look()
            : work_op([](work_op& op) noexcept {
                  ::pthread_sigmask(SIG_SETMASK, nullptr, &static_cast<look&>(op).mask);
              }) {}
        sigset_t mask;
    } op;
    ::sigemptyset(&op.mask);
    {
        thread_pool pool(box, 1);
        pool.submit(op);
    }
    CHECK(box.collect() == 1);
    CHECK(::sigismember(&op.mask, SIGINT) == 1);
    CHECK(::sigismember(&op.mask, SIGCHLD) == 1);
    sigset_t own;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &own);
    CHECK(::sigismember(&own, SIGINT) == 0);
}
#endif
