// Runners for tests: on the scripted engine (virtual time, completions that the test dictates), and on every engine.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include <libasync/async.hpp>
#include <libasync/io/scripted/scripted_engine.hpp>

namespace async_tests {

using namespace async;
using namespace std::chrono_literals;

// Awaits an operation of the scripted engine that is known by a number of the test's choice, and gives its result.
struct scripted_operation : detail::io_description<scripted_operation> {
    using operation = io::file_op;
    using value_type = std::int64_t;

    explicit scripted_operation(int n) noexcept : number(n) {}
    operation make() const noexcept { return {io::op_kind::sync_file, number}; }
    value_type finish(operation& op) const noexcept { return op.result; }
    std::string what() const { return "operation " + std::to_string(number); }

    int number;
};

class scripted_runner {
public:
    explicit scripted_runner(const loop_options& options = {})
        : scripted_runner(std::make_unique<io::scripted_engine>(), options) {}

    io::scripted_engine& engine;
    async::runner runner;

    async::loop& loop() { return runner.loop(); }

    template <class T>
    T run(task<T> main) {
        return runner.run(std::move(main));
    }

    void turns(int count) {
        while (count-- > 0) runner.turn(turn::no_wait);
    }

    // The pending scripted_operation of that number, or null.
    io::operation* find(int number) {
        for (io::operation* op : engine.pending()) {
            if (op->kind == io::op_kind::sync_file && static_cast<io::file_op*>(op)->file == number) return op;
        }
        return nullptr;
    }

    void finish(int number, std::int64_t result, int error = 0) {
        io::operation* op = find(number);
        REQUIRE(op != nullptr);
        engine.finish(*op, result, error);
    }

    // Has the operation finish, if it is pending then, when the clock has moved on by `delay`.
    void finish_after(std::chrono::nanoseconds delay, int number, std::int64_t result, int error = 0) {
        engine.after(delay, [this, number, result, error] {
            if (io::operation* op = find(number)) engine.finish(*op, result, error);
        });
    }

private:
    scripted_runner(std::unique_ptr<io::scripted_engine> e, const loop_options& options)
        : engine(*e),
          runner(std::move(e), options) {}
};

// Calls `body` with a runner on the scripted engine, then with one on the engine of the environment.
template <class Body>
void with_every_runner(Body body) {
    {
        INFO("on the scripted engine");
        scripted_runner s;
        body(s.runner);
    }
    INFO("on the engine of the environment");
    runner r;
    body(r);
}

// Runs what `body` makes on the scripted engine, then on the engine of the environment.
template <class Body>
void on_every_engine(Body body) {
    {
        INFO("on the scripted engine");
        scripted_runner s;
        s.run(body());
    }
    INFO("on the engine of the environment");
    async::run(body());
}

}  // namespace async_tests
