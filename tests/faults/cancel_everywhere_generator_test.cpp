// Generators, cancelled at every suspension of who asks: no item is lost, doubled or overtaken, every body is unwound
// once, and its clean-up runs as far as it may.
#include <doctest/doctest.h>

#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include <tests/support/cancel.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

std::unique_ptr<io::engine> scripted() { return std::make_unique<io::scripted_engine>(); }

// On the engine of the environment, and on the scripted one, where deadlines of the same instant are among the runs.
template <class Scenario>
cancel_report check_everywhere(const Scenario& scenario) {
    const auto call = [&](cancel_subject& subject) { return scenario(subject); };
    check_cancelled(cancel_everywhere(call, with_all_deliveries));
    cancel_report report = cancel_everywhere(call, {.make_engine = scripted, .deliveries = delivery_set::all()});
    check_cancelled(report);
    CHECK(report.skipped(cancel_delivery::deadline_at_completion).empty());
    return report;
}

struct note_end {
    explicit note_end(int& n) : ends(n) {}
    note_end(const note_end&) = delete;
    note_end& operator=(const note_end&) = delete;
    ~note_end() { ++ends; }
    int& ends;
};

constexpr int items = 4;

// Waits before each item and behind the last.
generator<int> slow_items(int& ends) {
    const note_end end(ends);
    for (int i = 0; i < items; ++i) {
        co_await sleep(100us);
        co_yield i;
    }
    co_await yield();
}

task<void> consume(generator<int>& gen, std::vector<int>& got) {
    while (auto item = co_await gen.next()) {
        got.push_back(*item);
        co_await yield();
    }
}

bool counts_up(const std::vector<int>& got, std::size_t expected) {
    std::vector<int> right(expected);
    std::iota(right.begin(), right.end(), 0);
    return got == right;
}

}  // namespace

TEST_CASE("a body that sleeps: cancelled in next it is over; cancelled between two, it goes on for the next who asks") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        int ends = 0;
        std::vector<int> got;
        auto gen = slow_items(ends);
        const auto ending = co_await subject.run(consume(gen, got));
        must_not_fail(ending);
        must(counts_up(got, got.size()), "items come in their order");
        must(!ending.completed() || (got.size() == items && ends == 1), "it completes at the end");
        const bool ended_in_next = ends == 1;
        const std::size_t before = got.size();
        co_await consume(gen, got);
        must(ended_in_next ? got.size() == before : counts_up(got, items), "the rest is there, or nothing");
        must(ends == 1, "the body is unwound once");
    };
    const cancel_report report = check_everywhere(scenario);
    CHECK(report.suspensions() == 2 * items + 1);
}

TEST_CASE("a generator that the part owns is gone with the part") {
    const auto part = [](int& ends, std::vector<int>& got) -> task<void> {
        auto gen = slow_items(ends);
        co_await consume(gen, got);
    };
    const auto scenario = [part](cancel_subject& subject) -> task<void> {
        int ends = 0;
        std::vector<int> got;
        const auto ending = co_await subject.run(part(ends, got));
        must_not_fail(ending);
        must(ends == 1, "the body is unwound once");
        const std::size_t before = got.size();
        co_await sleep(1ms);
        must(got.size() == before, "nothing goes on");
    };
    check_everywhere(scenario);
}

namespace {

generator<int> received(channel_receiver<int>& receiver) {
    while (auto n = co_await receiver.receive()) co_yield *n;
}

generator<int> relay(generator<int> source) {
    while (auto n = co_await source.next()) co_yield *n;
}

task<void> take(generator<int>& gen, std::vector<int>& got) {
    while (auto item = co_await gen.next()) got.push_back(*item);
}

task<void> drain(channel_receiver<int>& receiver, std::vector<int>& got) {
    while (auto n = co_await receiver.receive()) got.push_back(*n);
}

}  // namespace

TEST_CASE("a body that receives from a channel: what it has not yielded is still in the channel") {
    for (const bool relayed : {false, true}) {
        const auto scenario = [relayed](cancel_subject& subject) -> task<void> {
            auto [sender, receiver] = channel<int>(0);
            auto send = [](channel_sender<int> sender) -> task<void> {
                for (int i = 0; i < items; ++i) {
                    co_await sleep(100us);
                    co_await sender.send(i);
                }
            };
            auto sending = create_task(send(std::move(sender)));
            std::vector<int> got;
            auto gen = relayed ? relay(received(receiver)) : received(receiver);
            const auto ending = co_await subject.run(take(gen, got));
            must_not_fail(ending);
            must(!ending.completed() || counts_up(got, items), "it completes at the end");
            co_await take(gen, got);
            co_await drain(receiver, got);
            must(counts_up(got, items), "every item has come, once, in order");
            co_await sending;
        };
        check_everywhere(scenario);
    }
}

TEST_CASE("long rows of items that are there at once: one that was recorded is given, or left to the next who asks") {
    constexpr std::size_t many = 300;
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        auto count = [](int& ends) -> generator<int> {
            const note_end end(ends);
            for (int i = 0; i < static_cast<int>(many); ++i) co_yield i;
        };
        const auto part = [](generator<int>& gen, std::vector<int>& got) -> task<void> {
            co_await take(gen, got);
            co_await yield();
            co_await yield();
        };
        int ends = 0;
        std::vector<int> got;
        auto gen = count(ends);
        const auto ending = co_await subject.run(part(gen, got));
        must_not_fail(ending);
        must(ending.destroyed() || counts_up(got, many), "next is no point of cancellation");
        co_await take(gen, got);
        must(counts_up(got, many), "every item has come, once, in order");
        must(ends == 1, "the body is unwound once");
    };
    const cancel_report report = check_everywhere(scenario);
    CHECK(report.suspensions() == 2 + many / 128);
}

namespace {

struct clean_up {
    int begun = 0;
    int done = 0;
    int ends = 0;
};

generator<int> with_clean_up(clean_up& c, bool shielded) {
    const note_end end(c.ends);
    bool told = false;
    try {
        for (int i = 0;; ++i) co_yield i;
    } catch (const cancelled&) {
        told = true;
    }
    if (!told) co_return;
    ++c.begun;
    auto work = [](clean_up& c) -> task<void> {
        co_await yield();
        co_await sleep(100us);
        ++c.done;
    };
    cancel_scope scope(time_point::max(), shielded ? shielding::shielded : shielding::none);
    co_await scope.run(work(c));
}

}  // namespace

TEST_CASE("close: the clean-up runs, cancelled or not, and ends with it; a shielded one runs to its end") {
    for (const bool shielded : {false, true}) {
        const auto part = [](generator<int>& gen) -> task<void> {
            const auto first = co_await gen.next();
            must(first == 0, "there are items");
            co_await yield();
            co_await gen.close();
            co_await yield();
        };
        const auto scenario = [part, shielded](cancel_subject& subject) -> task<void> {
            clean_up c;
            auto gen = with_clean_up(c, shielded);
            const auto ending = co_await subject.run(part(gen));
            must_not_fail(ending);
            must(!ending.completed() || c.done == 1, "it was not cut short");
            if (shielded && !ending.destroyed()) must(c.done == c.begun, "it was not cut short");
            const bool over = c.begun == 1;
            must(c.ends == over, "who closes waits for the end");
            co_await gen.close();
            must(c.ends == 1 && c.begun == 1, "the body is told once, and unwound once");
            const auto nothing = co_await gen.next();
            must(!nothing, "it is over");
        };
        check_everywhere(scenario);
    }
}

TEST_CASE("a time-out around each next: the item or the time-out, and what was cut short is over") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        auto ever_slower = [](int& ends) -> generator<int> {
            const note_end end(ends);
            for (int i = 0;; ++i) {
                co_await sleep(i * 100us);
                co_yield i;
            }
        };
        auto part = [](generator<int>& gen, std::vector<int>& got) -> task<void> {
            for (;;) {
                auto item = co_await move_on_after(250us, gen.next());
                if (!item) break;
                must(item->has_value(), "it has no end");
                got.push_back(**item);
            }
            co_await yield();
        };
        int ends = 0;
        std::vector<int> got;
        auto gen = ever_slower(ends);
        const auto ending = co_await subject.run(part(gen, got));
        must_not_fail(ending);
        must(counts_up(got, got.size()), "items come in their order");
        if (ending.completed()) must(ends == 1, "what was cut short is over");
        co_await gen.close();
        must(ends == 1, "the body is unwound once");
    };
    check_everywhere(scenario);
}

TEST_CASE("a generator that its holder drops while the part asks: the body ends with the part") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        auto part = [](generator<int>& gen) -> task<void> {
            static_cast<void>(co_await gen.next());
            co_await yield();
        };
        auto drop = [](std::optional<generator<int>>& gen) -> task<void> {
            co_await sleep(50us);
            gen.reset();
        };
        int ends = 0;
        std::optional<generator<int>> gen(slow_items(ends));
        auto dropper = create_task(drop(gen));
        const auto ending = co_await subject.run(part(*gen));
        must_not_fail(ending);
        co_await dropper;
        must(ends == 1, "the body is unwound once");
    };
    check_everywhere(scenario);
}
