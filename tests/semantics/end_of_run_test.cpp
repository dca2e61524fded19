// How a run ends, and how virtual time passes: rows 152 and 160 of what asyncio and trio promise. The signals of run,
// row 151, are in tests/coro/run_interrupt_test.cpp.
#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <libasync/sim/simulation.hpp>
#include <libasync/testing/wait_all_tasks_blocked.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/files.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/system.hpp>

using namespace async_tests;

namespace {

// Sleeps, and notes how that ends: 'c' if cancelled.
task<void> sleep_and_note(std::string& notes) {
    try {
        co_await sleep(24h);
    } catch (const cancelled&) {
        notes += 'c';
        throw;
    }
}

task<void> break_in_clean_up() {
    try {
        co_await sleep(24h);
    } catch (const cancelled&) {
        throw std::out_of_range("a clean-up broke");
    }
}

}  // namespace

TEST_CASE("152: run cancels what main has left behind, waits for it, and gives the result of main") {
    std::string notes;
    task_handle<void> left;
    auto main = [](std::string& notes, task_handle<void>& left) -> task<int> {
        left = create_task(sleep_and_note(notes));
        co_await yield();
        co_return 123;
    };
    CHECK(async::run(main(notes, left)) == 123);
    CHECK(notes == "c");
    CHECK(left.done());
    CHECK(left.cancelled());
}

TEST_CASE("152: a task that was left before its first step never runs") {
    counted::reset();
    bool ran = false;
    auto main = [](bool& ran) -> task<int> {
        auto body = [](bool& ran, counted) -> task<void> {
            ran = true;
            co_return;
        };
        create_task(body(ran, counted(1)));
        co_return 123;
    };
    CHECK(async::run(main(ran)) == 123);
    CHECK_FALSE(ran);
    CHECK(counted::alive() == 0);
}

TEST_CASE("152: what fails in the clean-up of those is reported, and the result of main is given all the same") {
    runner r;
    report_recorder recorder(r.loop());
    auto main = []() -> task<int> {
        create_task(break_in_clean_up(), "left behind");
        co_await yield();
        co_return 123;
    };
    CHECK(r.run(main()) == 123);
    REQUIRE(recorder.reports.size() == 1);
    CHECK(recorder.reports[0].what == "a clean-up broke");
    CHECK(recorder.reports[0].task_name == "left behind");
}

TEST_CASE("152: when main and a clean-up fail, run throws what main threw, and the other one is reported") {
    runner r;
    report_recorder recorder(r.loop());
    auto main = []() -> task<void> {
        create_task(break_in_clean_up());
        co_await yield();
        throw std::runtime_error("main broke");
    };
    CHECK_THROWS_WITH_AS(r.run(main()), "main broke", std::runtime_error);
    REQUIRE(recorder.reports.size() == 1);
    CHECK(recorder.reports[0].what == "a clean-up broke");
}

TEST_CASE("152: those that are left are all cancelled before any of them goes on, and in the order of their creation") {
    scripted_runner s;
    std::string notes;
    auto body = [](std::string& notes, char name) -> task<void> {
        try {
            co_await sleep(24h);
        } catch (const cancelled&) {
            notes += name;
        }
        const bool again = co_await throws<cancelled>(yield());
        notes += again ? name : 'x';
    };
    auto main = [](auto body, std::string& notes) -> task<void> {
        for (char name = 'a'; name <= 'c'; ++name) create_task(body(notes, name));
        co_await yield();
    };
    s.run(main(body, notes));
    CHECK(notes == "abcabc");
}

TEST_CASE("152: a task that takes its time to end is waited for, however long it takes") {
    scripted_runner s;
    bool ended = false;
    auto slow = [](bool& ended) -> task<void> {
        cancel_scope shield(time_point::max(), shielding::shielded);
        co_await shield.run([]() -> task<void> { co_await sleep(100h); }());
        ended = true;
    };
    auto main = [](auto slow, bool& ended) -> task<void> {
        create_task(slow(ended));
        co_await yield();
    };
    const time_point start = s.engine.clock();
    s.run(main(slow, ended));
    CHECK(ended);
    CHECK(s.engine.clock() == start + 100h);
}

TEST_CASE("152: work on files that is on its way is waited for: no thread touches the memory afterwards") {
    runner r;
    const temporary_directory directory;
    const std::string path = directory / "file";
    directory.store("file", std::string(1 << 16, 'f'));
    for (int i = 0; i < 10; ++i) {
        bool ended = false;
        auto main = [](const std::string& path, bool& ended) -> task<void> {
            auto reads = [](file f, bool& ended) -> task<void> {
                std::string memory(1 << 16, '.');
                try {
                    co_await f.read_at(std::as_writable_bytes(std::span(memory)), 0);
                } catch (const cancelled&) {
                }
                ended = true;
            };
            file f = co_await file::open(path);
            create_task(reads(std::move(f), ended));
            co_await yield();
        };
        r.run(main(path, ended));
        CHECK(ended);
    }
}

TEST_CASE("152: who asked to be called when a task ends is called, also if that is the end of the run") {
    std::string notes;
    auto main = [](std::string& notes) -> task<void> {
        auto left = create_task(sleep_and_note(notes));
        left.add_done_callback([&notes] { notes += 'd'; });
        auto with_main = [](std::string& notes) -> task<void> {
            co_await yield();
            notes += 'w';
        };
        auto ends_with_main = create_task(with_main(notes));
        ends_with_main.add_done_callback([&notes] { notes += 'e'; });
        co_await yield();
        co_await yield();
    };
    SUBCASE("by run itself") { async::run(main(notes)); }
    SUBCASE("by the destructor of the runner") {
        runner r;
        r.create_task(main(notes));
        for (int i = 0; i < 3; ++i) r.turn(turn::no_wait);
    }
    CHECK(notes.find('c') != std::string::npos);
    CHECK(notes.find('d') != std::string::npos);
    CHECK(notes.find('e') != std::string::npos);
}

TEST_CASE("152: a callback that gives itself again for ever does not keep a run from its end") {
    runner r;
    int calls = 0;
    unique_function<void()> again = [&] {
        ++calls;
        r.loop().call_soon([&] { again(); });
    };
    again();
    auto main = [](std::string& notes) -> task<int> {
        create_task(sleep_and_note(notes));
        co_await yield();
        co_return 5;
    };
    std::string notes;
    CHECK(r.run(main(notes)) == 5);
    CHECK(notes == "c");
    CHECK(calls < 20);
}

TEST_CASE("152: when the runner has gone its loop is closed; a task's handle still has the result") {
    std::optional<runner> r;
    r.emplace();
    auto number = []() -> task<int> { co_return 7; };
    task_handle<int> handle = r->create_task(number());
    r->turn(turn::no_wait);
    r.reset();
    CHECK(handle.result() == 7);
    std::error_code code;
    try {
        handle.add_done_callback([] {});
    } catch (const std::system_error& e) {
        code = e.code();
    }
    CHECK(code == errc::closed);
}

TEST_CASE("152: a runner is run many times, and keeps nothing of a run that failed or left tasks behind") {
    runner r;
    std::string notes;
    auto leaves = [](std::string& notes, int how) -> task<int> {
        create_task(sleep_and_note(notes));
        co_await yield();
        if (how == 1) throw std::runtime_error("main broke");
        co_return how;
    };
    CHECK(r.run(leaves(notes, 0)) == 0);
    CHECK_THROWS_AS(r.run(leaves(notes, 1)), std::runtime_error);
    CHECK(r.run(leaves(notes, 2)) == 2);
    CHECK(notes == "ccc");
}

TEST_CASE("160: virtual time jumps from one awaited moment to the next, and stands still between") {
    sim::simulation s(1);
    s.run([]() -> task<void> {
        time_point before = this_loop().now();
        for (int i = 0; i < 10; ++i) {
            co_await sleep(10s * i);
            CHECK(this_loop().now() - before >= 10s * i);
            CHECK(this_loop().now() - before < 10s * i + 1ms);
            before = this_loop().now();
        }
    }());
    CHECK(s.elapsed() >= 450s);
    CHECK(s.elapsed() < 451s);
}

TEST_CASE("160: time does not pass for a sleeper while another task can go on: who waits for that is served first") {
    std::string notes;
    sim::run(1, [](std::string& notes) -> task<void> {
        auto sleeper = [](std::string& notes) -> task<void> {
            co_await sleep(100s);
            notes += 'y';
        };
        auto waiter = [](std::string& notes) -> task<void> {
            co_await async::testing::wait_all_tasks_blocked();
            notes += 'w';
            co_await sleep(1000s);
            notes += 'd';
        };
        auto busy = [](std::string& notes) -> task<void> {
            for (int i = 0; i < 300; ++i) co_await yield();
            notes += 'b';
        };
        co_await gather(sleeper(notes), waiter(notes), busy(notes));
    }(notes));
    CHECK(notes == "bwyd");
}

TEST_CASE("160: time does not pass while a thread is at work for the loop") {
    std::string notes;
    sim::run(1, [](std::string& notes) -> task<void> {
        auto sleeper = [](std::string& notes) -> task<void> {
            co_await sleep(1h);
            notes += 's';
        };
        auto sleeping = create_task(sleeper(notes));
        co_await yield();
        event posted;
        std::thread worker;
        {
            const outside_work work(this_engine());
            worker = std::thread([&here = this_loop(), &posted, &notes] {
                for (int i = 0; i < 1000; ++i) std::this_thread::yield();
                here.post([&posted, &notes] {
                    notes += 'p';
                    posted.set();
                });
            });
            co_await posted.wait();
        }
        worker.join();
        co_await sleeping;
    }(notes));
    CHECK(notes == "ps");
}

TEST_CASE("160: work on a file takes virtual time of its own, and a sleep beside it is not cut short or drawn out") {
    sim::simulation s(1);
    s.run([]() -> task<void> {
        const time_point begin = this_loop().now();
        auto sleeper = []() -> task<time_point> {
            co_await sleep(10min);
            co_return this_loop().now();
        };
        auto sleeping = create_task(sleeper());
        for (int i = 0; i < 20; ++i) co_await write_file("/tmp/file", "text");
        const time_point written = this_loop().now();
        CHECK(written < begin + 10min);
        const time_point woken = co_await sleeping;
        CHECK(woken >= begin + 10min);
        CHECK(woken < begin + 10min + 1ms);
    }());
}
