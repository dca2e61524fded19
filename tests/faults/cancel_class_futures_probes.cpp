// The cancel classes of futures, derived.
#include <libasync/sync/future.hpp>

#include <tests/support/cancel_class_probes.hpp>

using namespace async_tests;
using async::future;
using async::promise;

namespace {

std::string class_of_wait(task<void> (*wait)(future<int>)) {
    promise<int> p;
    return lossless_if_repeated(
        [&p, wait] {
            if (p.is_set()) p = promise<int>();
            return wait(p.get_future());
        },
        [&p] { p.set_value(7); });
}

task<void> await_named(future<int> f) {
    const int& got = co_await f;
    must(got == 7, "what was set is given");
}

task<void> await_unnamed(future<int> f) {
    const int got = co_await std::move(f);
    must(got == 7, "what was set is given");
}

task<void> watch(future<int> f) {
    co_await f.wait();
    must(f.result() == 7, "what was set is there");
}

const cancel_class_probes of_futures{
    {"future::operator co_await", [] { return class_of_wait(await_named); }},
    {"future::operator co_await#2", [] { return class_of_wait(await_unnamed); }},
    {"future::wait", [] { return class_of_wait(watch); }},
};

}  // namespace
