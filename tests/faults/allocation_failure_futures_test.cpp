// Memory runs out while promises are made, set and waited for: what is not set breaks, and everybody learns of it.
#include <libasync/testing/allocation_failure.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include <libasync/async.hpp>
#include <libasync/sync/future.hpp>

#include <tests/support/allocation_failure.hpp>

using namespace async_tests;
using async::future;
using async::promise;

namespace {

task<std::string> text_of(future<std::string> f) {
    const std::string& text = co_await f;
    co_return text;
}

}  // namespace

TEST_CASE("without memory a promise is set or not, and those who wait are told which") {
    survives([]() -> task<void> {
        promise<std::string> p;
        const auto f = p.get_future();
        auto set = [](promise<std::string> p) -> task<void> {
            co_await yield();
            p.set_value(100, 'x');
        };
        auto waiter = create_task(text_of(f));
        auto setter = create_task(set(std::move(p)));
        co_await setter.wait();
        bool broken = false;
        std::string got;
        try {
            got = co_await waiter;
        } catch (const broken_promise&) {
            broken = true;
        }
        co_await setter;  // why it is broken
        must_hold(!broken && got.size() == 100, "what was set is given");
        const std::string copy = co_await future<std::string>(f);
        must_hold(copy == got, "to everybody");
    });
}

TEST_CASE("without memory an exception is handed on all the same") {
    survives([]() -> task<void> {
        promise<int> p;
        const auto f = p.get_future();
        p.set_exception(std::make_exception_ptr(std::length_error("it broke")));
        bool seen = false;
        try {
            static_cast<void>(co_await f);
        } catch (const std::length_error&) {
            seen = true;
        } catch (const std::bad_alloc&) {  // what it was to be made of
        }
        if (!seen) throw std::bad_alloc();
        must_hold(f.exception() != nullptr, "it can be asked for");
    });
}

TEST_CASE("without memory a future's callback is refused, or called") {
    survives([]() -> task<void> {
        const auto called = std::make_shared<int>(0);
        promise<> p;
        const auto f = p.get_future();
        int taken = 0;
        try {
            for (int i = 0; i < 3; ++i) {
                f.add_done_callback([called, room = std::string(40, 'x')] { ++*called; });
                ++taken;
            }
        } catch (const std::bad_alloc&) {
        }
        p.set_value();
        co_await yield();
        must_hold(*called == taken, "those that were taken are called, no others");
        if (taken != 3) throw std::bad_alloc();
    });
}
