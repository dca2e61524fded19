// The cancel classes of functions in threads, derived.
#include <memory>
#include <thread>

#include <libasync/coro/thread_pool.hpp>
#include <libasync/coro/to_thread.hpp>

#include <tests/support/cancel_class_probes.hpp>
#include <tests/support/thread_gate.hpp>

using namespace async_tests;

namespace {

// Is it waited for, if it can end by itself?
template <class Call>
std::string class_of_call(Call call) {
    return class_of(observe_work([call](cancel_subject& subject, facts&) -> task<void> {
        must_not_fail(co_await subject.run(call([] { std::this_thread::sleep_for(1ms); })));
    }));
}

// And if it cannot, before the task that waits has gone?
template <class Call>
std::string class_of_loose_call(Call call) {
    return class_of(observe([call](cancel_subject& subject, facts&) -> task<void> {
        auto h = std::make_shared<held_up>();
        const auto ending = co_await subject.run(call([h] { (*h)(); }));
        must(ending.cancelled(), "it does not wait");
        h->release.open();
        auto& tasks = *this_loop().core().tasks;
        while (tasks.all.after(tasks.all.first()) != nullptr) co_await yield();
        must(h->begun.is_open() == h->ended.is_open(), "what was called has ended");
    }));
}

const cancel_class_probes of_threads{
    {"to_thread", [] { return class_of_call([](auto fn) { return to_thread(fn); }); }},
    {"to_thread#2",
     [] { return class_of_loose_call([](const auto& fn) { return to_thread(abandon_on_cancel, fn); }); }},
    {"thread_pool::run",
     [] {
         async::thread_pool pool{1};
         return class_of_call([&pool](auto fn) { return pool.run(fn); });
     }},
    {"thread_pool::run#2",
     [] {
         async::thread_pool pool{1};
         return class_of_loose_call([&pool](const auto& fn) { return pool.run(abandon_on_cancel, fn); });
     }},
};

}  // namespace
