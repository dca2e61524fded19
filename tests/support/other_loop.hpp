// Another loop, on a thread of its own.
#pragma once

#include <thread>

#include <libasync/coro/run.hpp>
#include <libasync/loop/notifier.hpp>
#include <libasync/sync/event.hpp>

#include <tests/support/thread_gate.hpp>

namespace async_tests {

using namespace async;

// A loop on another thread, that runs until this is destroyed.
class other_loop {
public:
    other_loop() {
        thread_ = std::thread([this] {
            runner r({.engine = engine_kind::asio});
            r.run([](other_loop& self) -> task<void> {
                event end;
                notifier stop(this_loop(), [&end] { end.set(); });
                self.loop_ = &this_loop();
                self.stop_ = &stop;
                self.begun_.open();
                co_await end.wait();
            }(*this));
            self_ended_.open();
            may_go_.pass();
        });
        begun_.pass();
    }
    other_loop(const other_loop&) = delete;
    other_loop& operator=(const other_loop&) = delete;
    ~other_loop() {
        end_main();
        may_go_.open();
        thread_.join();
    }

    loop& operator*() { return *loop_; }
    loop* operator->() { return loop_; }

    // Cancels what runs there.
    void end_main() {
        if (ended_) return;
        ended_ = true;
        stop_->notify();
        self_ended_.pass();
    }
    void let_go() { may_go_.open(); }

private:
    thread_gate begun_;
    thread_gate self_ended_;
    thread_gate may_go_;
    loop* loop_ = nullptr;
    notifier* stop_ = nullptr;
    bool ended_ = false;
    std::thread thread_;
};

}  // namespace async_tests
