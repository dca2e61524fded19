#include <libasync/loop/callback.hpp>

#include <doctest/doctest.h>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

TEST_CASE("the function of a callback is destroyed once it was called, even while a handle is kept") {
    counted::reset();
    scripted_runner s;
    auto handle = s.loop().call_soon([c = counted(1)] { CHECK(c.value == 1); });
    CHECK(counted::alive() == 1);
    s.turns(1);
    CHECK(counted::alive() == 0);
    CHECK_FALSE(handle.pending());
}

TEST_CASE("the function of a callback is destroyed when it is cancelled") {
    counted::reset();
    scripted_runner s;
    auto soon = s.loop().call_soon([c = counted(1)] { static_cast<void>(c); });
    auto later = s.loop().call_later(1h, [c = counted(1)] { static_cast<void>(c); });
    CHECK(counted::alive() == 2);
    soon.cancel();
    later.cancel();
    CHECK(counted::alive() == 0);
    CHECK(s.loop().core().timers.empty());
    CHECK(s.loop().core().ready.empty());
}

TEST_CASE("a callback that destroys its own captures' last handle is safe") {
    scripted_runner s;
    auto handle = std::make_shared<callback_handle>();
    *handle = s.loop().call_soon([handle] { handle->cancel(); });
    handle.reset();
    s.turns(1);
    CHECK(s.loop().core().ready.empty());
}

TEST_CASE("handles are moved, not shared; a moved-from handle does nothing") {
    scripted_runner s;
    int calls = 0;
    auto a = s.loop().call_soon([&] { ++calls; });
    callback_handle b = std::move(a);
    a.cancel();
    CHECK_FALSE(a.pending());
    CHECK(b.pending());
    callback_handle c = s.loop().call_soon([&] { calls += 10; });
    c = std::move(b);  // gives up the handle of the second, whose callback stays
    s.turns(1);
    CHECK(calls == 11);
}

TEST_CASE("a callback that is cancelled by its function's destructor does no harm") {
    scripted_runner s;
    struct canceller {
        callback_handle* handle;
        explicit canceller(callback_handle* h) : handle(h) {}
        canceller(canceller&& other) noexcept : handle(std::exchange(other.handle, nullptr)) {}
        ~canceller() {
            if (handle) handle->cancel();
        }
    };
    callback_handle other = s.loop().call_soon([] { FAIL("it was cancelled"); });
    callback_handle first = s.loop().call_soon([c = canceller(&other)] { static_cast<void>(c); });
    first.cancel();
    s.turns(1);
    CHECK_FALSE(other.pending());
}
