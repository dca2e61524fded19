// The cancel classes of tasks, scopes and time, derived.
#include <vector>

#include <tests/support/cancel_class_probes.hpp>

using namespace async_tests;

namespace {

task<void> sleep_long(cancel_subject& subject) {
    const auto ending = co_await subject.run(sleep(1h));
    must(ending.cancelled(), "it breaks off");
}

task<void> sleep_until_late(cancel_subject& subject) {
    const auto ending = co_await subject.run(sleep_until(this_loop().deadline_after(1h)));
    must(ending.cancelled(), "it breaks off");
}

// A yield is done as soon as it is begun; the next one is refused.
task<void> yield_twice(cancel_subject& subject) {
    auto part = []() -> task<void> {
        co_await yield();
        co_await yield();
        co_await yield();
    };
    const auto ending = co_await subject.run(part());
    must(ending.cancelled(), "it breaks off");
}

task<void> join_it(cancel_subject& subject) {
    task_handle<int> handle = create_task(stubborn());
    co_await yield();
    auto ending = co_await subject.run(join(handle));
    must(ending.completed() && ending.value() == 7, "it is waited for");
}

task<void> watch_it(cancel_subject& subject) {
    auto nap = []() -> task<int> {
        co_await sleep(30ms);
        co_return 7;
    };
    task_handle<int> handle = create_task(nap());
    static_cast<void>(co_await subject.run(handle.wait()));
    const int result = co_await handle;
    must(result == 7, "the task is not disturbed");
}

std::vector<task<int>> vector_of(task<int> t) {
    std::vector<task<int>> tasks;
    tasks.push_back(std::move(t));
    return tasks;
}

task<int> run_in_scope(task<int> t) {
    cancel_scope scope;
    const auto got = co_await scope.run(std::move(t));
    co_return got.value_or(0);
}

const cancel_class_probes of_tasks{
    {"yield", [] { return lossless_if(yield_twice); }},
    {"sleep", [] { return lossless_if(sleep_long); }},
    {"sleep_until", [] { return lossless_if(sleep_until_late); }},
    {"task::operator co_await", [] { return inherited_if([](task<int> t) { return t; }); }},
    {"task_handle::operator co_await", [] { return lossless_if(join_it); }},
    {"task_handle::wait", [] { return lossless_if(watch_it); }},
    {"gather", [] { return inherited_if([](task<int> t) { return gather(std::move(t)); }); }},
    {"gather#2", [] { return inherited_if([](task<int> t) { return gather(vector_of(std::move(t))); }); }},
    {"timeout", [] { return inherited_if([](task<int> t) { return timeout(1h, std::move(t)); }); }},
    {"timeout_at",
     [] { return inherited_if([](task<int> t) { return timeout_at(time_point::max(), std::move(t)); }); }},
    {"move_on_after", [] { return inherited_if([](task<int> t) { return move_on_after(1h, std::move(t)); }); }},
    {"move_on_at",
     [] { return inherited_if([](task<int> t) { return move_on_at(time_point::max(), std::move(t)); }); }},
    {"cancel_scope::run", [] { return inherited_if([](task<int> t) { return run_in_scope(std::move(t)); }); }},
};

}  // namespace
