// The cancel classes of generators, derived.
#include <libasync/coro/generator.hpp>

#include <tests/support/cancel_class_probes.hpp>

using namespace async_tests;

namespace {

generator<int> yield_result_of(task<int> t) { co_yield co_await std::move(t); }

task<int> ask_for_result_of(task<int> t) {
    auto gen = yield_result_of(std::move(t));
    const std::optional<int> item = co_await gen.next();
    co_return item.value_or(0);
}

generator<int> clean_up_with(task<int> t, bool& done) {
    try {
        co_yield 7;
    } catch (const cancelled&) {
    }
    co_await std::move(t);
    done = true;
}

// A clean-up that was broken off is absorbed, and raised again by the next await.
task<int> close_with(task<int> t) {
    bool done = false;
    auto gen = clean_up_with(std::move(t), done);
    const std::optional<int> item = co_await gen.next();
    co_await gen.close();
    if (!done) co_await yield();
    co_return item.value_or(0);
}

const cancel_class_probes of_generators{
    {"generator::next", [] { return inherited_if(ask_for_result_of); }},
    {"generator::close", [] { return inherited_if(close_with); }},
};

}  // namespace
