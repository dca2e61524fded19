// Names, cancelled wherever they are waited for: a look-up may be asked again, and has its answer.
#include <doctest/doctest.h>

#include <tests/support/cancel.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/names.hpp>

using namespace async;
using namespace async_tests;

namespace {

task<void> ask_everybody() {
    const auto all = co_await resolve("localhost", 80);
    must(!all.empty(), "localhost has addresses");
    const resolved_name name = co_await resolve_name(endpoint::loopback(80));
    must(!name.host.empty(), "an address has a name");
    const bool unknown = co_await throws<resolve_error>(resolve("nobody.invalid", 80, {.max_age = {}}));
    must(unknown, "nobody is called so");
}

}  // namespace

TEST_CASE("a look-up that was cancelled may be repeated") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        const auto ending = co_await subject.run(ask_everybody());
        must_not_fail(ending);
        co_await ask_everybody();
    };
    check_cancelled(cancel_everywhere(scenario));
}
