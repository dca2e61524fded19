// The cancel classes of what is submitted to other loops, derived.
#include <optional>
#include <thread>

#include <tests/support/cancel_class_probes.hpp>
#include <tests/support/system.hpp>
#include <tests/support/thread_gate.hpp>

using namespace async_tests;

namespace {

task<void> to_loop(cancel_subject& subject, facts&) {
    auto part = []() -> task<int> { co_return co_await this_loop().submit(stubborn()); };
    const auto ending = co_await subject.run(part());
    must_not_fail(ending);
}

// A worker that does nothing but what is submitted to it.
class idle_worker {
public:
    idle_worker() {
        thread_ = std::thread([this] {
            run_workers(1, [this](worker w) -> task<void> {
                worker_.emplace(std::move(w));
                begun_.open();
                while (!over_.is_open()) co_await sleep(100us);
            });
        });
        begun_.pass();
    }
    idle_worker(const idle_worker&) = delete;
    idle_worker& operator=(const idle_worker&) = delete;
    ~idle_worker() {
        over_.open();
        thread_.join();
    }

    worker& get() { return *worker_; }

private:
    thread_gate begun_;
    thread_gate over_;
    std::optional<worker> worker_;
    std::thread thread_;
};

task<void> to_worker(cancel_subject& subject, facts&) {
    const outside_work at_work(this_engine());
    idle_worker other;
    thread_gate begun;
    auto part = [](thread_gate& gate) -> task<int> {
        gate.open();
        co_return co_await stubborn();
    };
    // What has not begun yet never does.
    auto pending = create_task(other.get().submit(0, part(begun)));
    while (!begun.is_open()) co_await yield();
    const auto ending = co_await subject.run(join(pending));
    must_not_fail(ending);
}

const cancel_class_probes of_workers{
    {"loop::submit", [] { return class_of(observe(to_loop)); }},
    {"worker::submit", [] { return class_of(observe(to_worker)); }},
};

}  // namespace
