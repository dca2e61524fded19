#include <libasync/coro/checkpoint.hpp>

#include <doctest/doctest.h>

#include <tests/support/cancel.hpp>
#include <tests/support/expect.hpp>

using namespace async;
using namespace async_tests;

namespace {

task<void> count_turns(int& turns, const bool& over) {
    while (!over) {
        co_await yield();
        ++turns;
    }
}

task<void> pass_checkpoint() { co_await detail::checkpoint(); }
task<void> pass_long_step() { co_await detail::end_long_step(); }

using passage = task<void> (*)();

// How often another task ran while `pass` was made so often.
task<int> turns_of_others(passage pass, int times) {
    int turns = 0;
    bool over = false;
    auto other = create_task(count_turns(turns, over));
    co_await yield();  // it has begun
    const int before = turns;
    for (int i = 0; i < times; ++i) co_await pass();
    const int during = turns - before;
    over = true;
    co_await other;
    co_return during;
}

}  // namespace

TEST_CASE("a checkpoint goes on in place, but not for ever") {
    const int few = async::run(turns_of_others(pass_checkpoint, 10));
    CHECK(few == 0);
    const int many = async::run(turns_of_others(pass_checkpoint, 10'000));
    CHECK(many >= 10);
    CHECK(many <= 1000);
}

TEST_CASE("the end of a long step lets others run each time") {
    const int turns = async::run(turns_of_others(pass_long_step, 10));
    CHECK(turns >= 9);
}

TEST_CASE("a checkpoint and the end of a long step are points of cancellation, and nothing is left of them") {
    for (const passage pass : {pass_checkpoint, pass_long_step}) {
        const auto scenario = [pass](cancel_subject& subject) -> task<void> {
            const auto some = [](passage p) -> task<void> {
                for (int i = 0; i < 3; ++i) {
                    co_await yield();
                    co_await p();
                }
            };
            const auto ending = co_await subject.run(some(pass));
            must_not_fail(ending);
            co_await pass();
        };
        check_cancelled(cancel_everywhere(scenario));
        async::run([](passage p) -> task<void> {
            cancel_scope scope;
            scope.cancel();
            const auto done = co_await scope.run(p());
            CHECK_FALSE(done);
        }(pass));
    }
}

TEST_CASE("a loop that ends takes a long step along that was about to go on") {
    async::runner runner{loop_options{}};
    auto step = [](bool& begun) -> task<void> {
        begun = true;
        co_await detail::end_long_step();
    };
    auto main = [&step](bool& begun) -> task<void> {
        create_task(step(begun));
        co_await yield();
    };
    bool begun = false;
    runner.run(main(begun));
    CHECK(begun);
}
