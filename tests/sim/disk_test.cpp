#include <libasync/sim/disk.hpp>

#include <doctest/doctest.h>

#include <string>

#include <libasync/async.hpp>
#include <libasync/io/sim/world.hpp>

#include <tests/support/expect.hpp>

using namespace async;
using namespace async_tests;
using namespace std::chrono_literals;

namespace {

// Appends a line and has it on the disk before it returns.
task<void> append(file& log, std::string line) {
    const std::uint64_t end = co_await log.size();
    co_await log.write_at(line, end);
    co_await log.sync();
}

}  // namespace

TEST_CASE("a program reads what the test has stored, and the test what the program wrote") {
    sim::run(1, []() -> task<void> {
        sim::create_directory("/etc");
        sim::store_file("/etc/motd", "welcome");
        const std::string text = co_await read_file("/etc/motd");
        CHECK(text == "welcome");
        co_await write_file("/tmp/out", "result");
        CHECK(sim::load_file("/tmp/out") == "result");
        sim::remove_file("/tmp/out");
        CHECK_FALSE(sim::file_exists("/tmp/out"));
        CHECK_THROWS_AS(sim::remove_file("/tmp/out"), std::system_error);
        CHECK_THROWS_AS(sim::create_directory("/a/b"), std::system_error);
    }());
}

TEST_CASE("a disk that is full is an error with the path, and nothing is lost that was there") {
    sim::run(1, []() -> task<void> {
        sim::set_disk_size(8192);
        co_await write_file("/first", "kept");
        const std::string big(100'000, 'x');
        const std::error_code full = co_await error_of(write_file("/second", big));
        CHECK(full == std::errc::no_space_on_device);
        CHECK(sim::load_file("/first") == "kept");
    }());
}

TEST_CASE("power that fails at any moment leaves every line of a log that was said to be there") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        CAPTURE(seed);
        int said = 0;
        auto writer = [](int& said) -> task<void> {
            file log = co_await file::open("/log", open_mode::write);
            for (;; ++said) co_await append(log, "line " + std::to_string(said) + "\n");
        };
        auto main = [&]() -> task<void> {
            static_cast<void>(
                co_await move_on_after(std::chrono::microseconds(sim::random_below(20'000)), writer(said)));
            sim::crash_disk(sim::crash_loss::some);
        };
        sim::simulation s(seed);
        s.run(main());
        const std::string found = s.world().files.load("/log").value_or("");
        std::string expected;
        for (int i = 0; i < said; ++i) expected += "line " + std::to_string(i) + "\n";
        CHECK(found.substr(0, expected.size()) == expected);
    }
}

TEST_CASE("faults of the disk reach the program as errors, each of its kind") {
    const auto error_at = [](sim::fault f, auto operation) {
        std::error_code error;
        auto main = [&]() -> task<void> {
            sim::store_file("/data", "some content");
            error = co_await error_of(operation());
        };
        sim::run(1, main(), {.only = {static_cast<int>(f), 0}});
        return error;
    };
    const auto read = []() -> task<void> { co_await read_file("/data"); };
    const auto write = []() -> task<void> { co_await write_file("/data", "other"); };
    const auto sync = []() -> task<void> {
        file f = co_await file::open("/data", open_mode::read_write);
        co_await f.sync();
    };
    CHECK(error_at(sim::fault::open_error, read));
    CHECK(error_at(sim::fault::file_read_error, read));
    CHECK(error_at(sim::fault::file_write_error, write));
    CHECK(error_at(sim::fault::close_error, write));
    CHECK(error_at(sim::fault::sync_error, sync));
    CHECK_FALSE(error_at(sim::fault::short_file_read, read));
    CHECK_FALSE(error_at(sim::fault::short_file_write, write));
}

TEST_CASE("a short read or write is not the end: whole files come through in pieces") {
    for (const sim::fault f : {sim::fault::short_file_read, sim::fault::short_file_write}) {
        std::string back;
        auto main = [&back]() -> task<void> {
            co_await write_file("/data", "some content");
            back = co_await read_file("/data");
        };
        sim::simulation s(1, {.only = {static_cast<int>(f), 0}});
        s.run(main());
        CHECK(s.struck(f) == 1);
        CHECK(back == "some content");
    }
}
