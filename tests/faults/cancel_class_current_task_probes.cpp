// The cancel class of watching a task by reference, derived.
#include <libasync/coro/current_task.hpp>

#include <tests/support/cancel_class_probes.hpp>

using namespace async_tests;

namespace {

task<void> watch_by_reference(cancel_subject& subject) {
    auto nap = []() -> task<int> {
        co_await sleep(30ms);
        co_return 7;
    };
    task_handle<int> handle = create_task(nap());
    const async::task_ref ref = handle.ref();
    const auto ending = co_await subject.run(ref.wait());
    must(ending.cancelled(), "it breaks off");
    const int result = co_await handle;
    must(result == 7, "the task is not disturbed");
    co_await ref.wait();
}

const cancel_class_probes of_references{
    {"task_ref::wait", [] { return lossless_if(watch_by_reference); }},
};

}  // namespace
