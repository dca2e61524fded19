// Files, cancelled at every suspension: the await waits for work that has begun, and what was cancelled may be repeated.
#include <doctest/doctest.h>

#include <array>
#include <string>

#include <tests/support/cancel.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/files.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

constexpr std::size_t piece = 20'000;
constexpr std::size_t pieces = 4;

std::span<std::byte> bytes_of(std::string& text, std::size_t from, std::size_t size) {
    return std::as_writable_bytes(std::span(text)).subspan(from, size);
}

}  // namespace

TEST_CASE("an open that was cancelled leaves no descriptor behind and may be repeated") {
    const temporary_directory directory;
    const std::string path = directory / "file";
    const auto scenario = [&path](cancel_subject& subject) -> task<void> {
        auto ending = co_await subject.run(file::open(path, open_mode::write));
        must_not_fail(ending);
        file f;
        if (ending.completed()) {
            f = std::move(ending.value());
        } else {
            f = co_await file::open(path, open_mode::write);
        }
        co_await f.write_at("x", 0);
        co_await f.close();
    };
    check_outcomes(cancel_everywhere(scenario, with_all_deliveries));
}

namespace {

task<void> read_pieces(file& f, std::string& into, std::size_t& done) {
    while (done < pieces * piece) done += co_await f.read_at(bytes_of(into, done, piece), done);
}

task<void> write_pieces(file& f, const std::string& from, std::size_t& done) {
    while (done < pieces * piece) {
        co_await f.write_at(std::string_view(from).substr(done, piece), done);
        done += piece;
    }
}

}  // namespace

TEST_CASE("a read_at that ended, however it did, does not touch its buffer any more; it may be repeated") {
    const temporary_directory directory;
    const std::string path = directory / "file";
    const std::string text = pattern(pieces * piece);
    async::run(write_file(path, text));
    const auto scenario = [&](cancel_subject& subject) -> task<void> {
        file f = co_await file::open(path);
        std::string got(text.size(), '.');
        std::size_t done = 0;
        const auto ending = co_await subject.run(read_pieces(f, got, done));
        must_not_fail(ending);
        must(!ending.completed() || got == text, "all was read");
        got.replace(done, got.npos, std::string(got.size() - done, '-'));
        for (int i = 0; i < 3; ++i) co_await yield();
        must(got.find_first_not_of('-', done) == got.npos, "the buffer is the caller's again");
        must(got.compare(0, done, text, 0, done) == 0, "what was read is right");
        co_await read_pieces(f, got, done);
        must(got == text, "the rest follows");
        co_await f.close();
    };
    check_outcomes(cancel_everywhere(scenario, with_all_deliveries));
}

TEST_CASE("a write_at that was cancelled has written or not, byte by byte; it may be repeated") {
    const temporary_directory directory;
    const std::string path = directory / "file";
    const std::string text = pattern(pieces * piece);
    const auto scenario = [&](cancel_subject& subject) -> task<void> {
        co_await write_file(path, std::string(text.size(), '.'));
        file f = co_await file::open(path, open_mode::read_write);
        std::size_t done = 0;
        const auto ending = co_await subject.run(write_pieces(f, text, done));
        must_not_fail(ending);
        const std::string now = co_await read_file(path);
        must(now.compare(0, done, text, 0, done) == 0, "what was written is there");
        for (std::size_t i = done; i < text.size(); ++i) must(now[i] == '.' || now[i] == text[i], "old or new");
        co_await write_pieces(f, text, done);
        co_await f.close();
        const std::string after = co_await read_file(path);
        must(after == text, "the rest follows");
    };
    check_outcomes(cancel_everywhere(scenario, with_all_deliveries));
}

TEST_CASE("size and sync may be repeated after a cancellation; close takes effect whenever it is cancelled") {
    const temporary_directory directory;
    const std::string path = directory / "file";
    const auto part = [](file& f, bool& closing) -> task<std::uint64_t> {
        std::uint64_t size = 0;
        try {
            co_await f.sync();
            size = co_await f.size();
            co_await yield();
        } catch (const cancelled&) {
        }
        closing = true;
        co_await f.close();
        co_return size;
    };
    const auto scenario = [&](cancel_subject& subject) -> task<void> {
        file f = co_await file::open(path, open_mode::write);
        co_await f.write_at("12345", 0);
        bool closing = false;
        auto ending = co_await subject.run(part(f, closing));
        must_not_fail(ending);
        must(!ending.cancelled(), "closing is not refused, and waited for");
        must(closing || ending.destroyed(), "only a destroyed part does not come to close");
        must(f.is_open() == !closing, "it is closed if that began");
        if (closing) co_return;
        co_await f.sync();
        const std::uint64_t size = co_await f.size();
        must(size == 5, "the file is as before");
        co_await f.close();
    };
    check_outcomes(cancel_everywhere(scenario, with_all_deliveries));
}

TEST_CASE("read_file and write_file leave no descriptor behind and may be repeated") {
    const temporary_directory directory;
    const std::string path = directory / "file";
    const std::string text = pattern(pieces * piece);
    const auto writing = [&](cancel_subject& subject) -> task<void> {
        const auto ending = co_await subject.run(write_file(path, text));
        must_not_fail(ending);
        if (!ending.completed()) co_await write_file(path, text);
        const std::string now = co_await read_file(path);
        must(now == text, "all is written");
    };
    check_outcomes(cancel_everywhere(writing, with_all_deliveries));
    const auto reading = [&](cancel_subject& subject) -> task<void> {
        auto ending = co_await subject.run(read_file(path));
        must_not_fail(ending);
        must(!ending.completed() || ending.value() == text, "all is read");
        const std::string again = co_await read_file(path);
        must(again == text, "it may be repeated");
    };
    check_outcomes(cancel_everywhere(reading, with_all_deliveries));
}
