// The cancel classes of locks, events, queues and channels, derived.
#include <tests/support/cancel_class_probes.hpp>

using namespace async_tests;

namespace {

std::string class_of_lock(task<void> (*acquire)(lock&)) {
    lock door;
    return lossless_if_repeated(
        [&door, acquire] {
            static_cast<void>(door.try_acquire());
            return acquire(door);
        },
        [&door] { door.release(); });
}

std::string class_of_semaphore(task<void> (*acquire)(semaphore&)) {
    semaphore permits(0);
    return lossless_if_repeated(
        [&permits, acquire] {
            while (permits.try_acquire()) {
            }
            return acquire(permits);
        },
        [&permits] { permits.release(); });
}

template <class Object>
task<void> acquire_it(Object& o) {
    co_await o.acquire();
}

template <class Object>
task<void> hold_it(Object& o) {
    const auto guard = co_await o.scoped();
}

task<void> wait_for_event(event& e) {
    e.clear();
    co_await e.wait();
}

task<void> wait_for_notification(condition& c) {
    const auto guard = co_await c.scoped();
    co_await c.wait();
}

task<void> wait_until(condition& c, const bool& flag) {
    const auto guard = co_await c.scoped();
    co_await c.wait_for([&flag] { return flag; });
}

void notify(condition& c) {
    must(!c.locked(), "those who wait do not hold the lock");
    static_cast<void>(c.try_acquire());
    c.notify_all();
    c.release();
}

std::string class_of_condition() {
    condition c;
    return lossless_if_repeated([&c] { return wait_for_notification(c); }, [&c] { notify(c); });
}

std::string class_of_condition_with_predicate() {
    condition c;
    bool flag = false;
    return lossless_if_repeated(
        [&c, &flag] {
            flag = false;
            return wait_until(c, flag);
        },
        [&c, &flag] {
            flag = true;
            notify(c);
        });
}

std::string class_of_condition_lock(task<void> (*acquire)(condition&)) {
    condition c;
    return lossless_if_repeated(
        [&c, acquire] {
            static_cast<void>(c.try_acquire());
            return acquire(c);
        },
        [&c] { c.release(); });
}

task<void> meet(barrier& b) { static_cast<void>(co_await b.wait()); }

std::string class_of_barrier() {
    barrier b(2);
    return class_of(observe([&b](cancel_subject& subject, facts&) -> task<void> {
        const auto ending = co_await subject.run(meet(b));
        must(ending.cancelled(), "it is alone");
        must(b.n_waiting() == 0, "it has not come");
        co_await gather(meet(b), meet(b));
    }));
}

std::string class_of_put() {
    async::queue<int> q(1);
    return lossless_if_repeated(
        [&q] {
            if (!q.full()) q.put_nowait(0);
            return [](async::queue<int>& q) -> task<void> { co_await q.put(1); }(q);
        },
        [&q] {
            static_cast<void>(q.get_nowait());
            must(q.qsize() == 1, "the one that was not cancelled is let in");
        });
}

std::string class_of_get() {
    async::queue<int> q;
    return lossless_if_repeated(
        [&q] {
            return [](async::queue<int>& q) -> task<void> {
                const int got = co_await q.get();
                must(got == 7, "what was put is got");
            }(q);
        },
        [&q] { q.put_nowait(7); });
}

std::string class_of_send() {
    channel<int> c(0);
    return lossless_if_repeated(
        [&c] { return [](channel<int>& c) -> task<void> { co_await c.sender.send(1); }(c); },
        [&c] { must(c.receiver.try_receive() == 1 && !c.receiver.try_receive(), "one is sent"); });
}

std::string class_of_receive() {
    channel<int> c(0);
    return lossless_if_repeated(
        [&c] {
            return [](channel<int>& c) -> task<void> {
                const auto got = co_await c.receiver.receive();
                must(got == 7, "what was sent is received");
            }(c);
        },
        [&c] { must(c.sender.try_send(7) && !c.sender.try_send(8), "one receives"); });
}

std::string class_of_join() {
    async::queue<int> q;
    return lossless_if_repeated(
        [&q] {
            if (q.empty()) q.put_nowait(1);
            return [](async::queue<int>& q) -> task<void> { co_await q.join(); }(q);
        },
        [&q] {
            static_cast<void>(q.get_nowait());
            q.task_done();
        });
}

const cancel_class_probes of_sync{
    {"lock::acquire", [] { return class_of_lock(acquire_it<lock>); }},
    {"lock::scoped", [] { return class_of_lock(hold_it<lock>); }},
    {"semaphore::acquire", [] { return class_of_semaphore(acquire_it<semaphore>); }},
    {"semaphore::scoped", [] { return class_of_semaphore(hold_it<semaphore>); }},
    {"event::wait",
     [] {
         event e;
         return lossless_if_repeated([&e] { return wait_for_event(e); }, [&e] { e.set(); });
     }},
    {"condition::acquire", [] { return class_of_condition_lock(acquire_it<condition>); }},
    {"condition::scoped", [] { return class_of_condition_lock(hold_it<condition>); }},
    {"condition::wait", [] { return class_of_condition(); }},
    {"condition::wait_for", [] { return class_of_condition_with_predicate(); }},
    {"barrier::wait", [] { return class_of_barrier(); }},
    {"queue::put", [] { return class_of_put(); }},
    {"queue::get", [] { return class_of_get(); }},
    {"channel_sender::send", [] { return class_of_send(); }},
    {"channel_receiver::receive", [] { return class_of_receive(); }},
    {"queue::join", [] { return class_of_join(); }},
};

}  // namespace
