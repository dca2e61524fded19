#include <libasync/net/socket_stream.hpp>

#include <doctest/doctest.h>

#include <array>
#include <optional>
#include <string>

#include <libasync/sim/simulation.hpp>
#include <libasync/testing/wait_all_tasks_blocked.hpp>

#include <tests/support/corks.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/files.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

// An open file of such a text, in a directory of its own.
class text_file {
public:
    explicit text_file(std::string text) : text_(std::move(text)) { directory_.store("file", text_); }

    task<file> open(open_mode mode = open_mode::read) const { return file::open(directory_ / "file", mode); }
    const std::string& text() const { return text_; }
    const temporary_directory& directory() const { return directory_; }

private:
    const temporary_directory directory_;
    const std::string text_;
};

task<std::uint64_t> send_all(tcp_stream& stream, const file& source) { return stream.send_file(source); }

// Sends the file, ends the stream, and gives what the peer has read.
task<std::string> sent_of(const text_file& content, std::uint64_t offset, std::uint64_t count, std::uint64_t expected) {
    stream_pair pair = co_await connected_pair();
    file source = co_await content.open();
    auto reading = create_task(read_all(pair.server));
    const std::uint64_t sent = co_await pair.client.send_file(source, offset, count);
    CHECK(sent == expected);
    CHECK(pair.client.written() == expected);
    co_await pair.client.close();
    co_await source.close();
    co_return co_await reading;
}

constexpr std::uint64_t all = ~std::uint64_t{0};

// A send that waits for room.
task<task_handle<std::uint64_t>> begin_sending(tcp_stream& stream, const file& source) {
    auto sending = create_task(send_all(stream, source));
    while (stream.written() == 0) co_await sleep(100us);
    co_await async::testing::wait_all_tasks_blocked();
    REQUIRE_FALSE(sending.done());
    co_return sending;
}

}  // namespace

TEST_CASE("send_file sends a file as it is, whole or in part") {
    async::run([]() -> task<void> {
        const text_file content(pattern(3'000'000));
        const std::string whole = co_await sent_of(content, 0, all, 3'000'000);
        CHECK(same(whole, content.text()));
        const std::string part = co_await sent_of(content, 1'234'567, 100'000, 100'000);
        CHECK(same(part, content.text().substr(1'234'567, 100'000)));
        const std::string rest = co_await sent_of(content, 2'999'999, all, 1);
        CHECK(same(rest, content.text().substr(2'999'999)));
        const std::string less = co_await sent_of(content, 2'999'000, 5000, 1000);
        CHECK(same(less, content.text().substr(2'999'000)));
    }());
}

TEST_CASE("send_file reads what is not in memory, and the system sends the rest") {
    for (const bool in_memory : {true, false}) {
        sim::options how;
        how.only = {static_cast<int>(sim::fault::short_file_read), in_memory ? sim::fault_at::never : 0};
        sim::simulation world(1, how);
        world.run([]() -> task<void> {
            const std::string text = pattern(300'000);
            stream_pair pair = co_await connected_pair();
            co_await write_file("/file", text);
            file source = co_await file::open("/file");
            auto reading = create_task(read_all(pair.server));
            const std::uint64_t sent = co_await pair.client.send_file(source, 10, 290'000);
            CHECK(sent == 290'000);
            co_await pair.client.close();
            const std::string got = co_await reading;
            CHECK(same(got, text.substr(10, 290'000)));
            co_await source.close();
        }());
        // It is asked once; then the file is read once, and asked again.
        CHECK(world.opportunities(sim::fault::short_file_read) == (in_memory ? 1 : 3));
    }
}

TEST_CASE("send_file sends nothing of an empty file, behind the end of one, and of no bytes") {
    async::run([]() -> task<void> {
        const text_file empty("");
        const std::string nothing = co_await sent_of(empty, 0, all, 0);
        CHECK(nothing.empty());
        const text_file content("text");
        const std::string behind = co_await sent_of(content, 4, all, 0);
        CHECK(behind.empty());
        const std::string far_behind = co_await sent_of(content, 4000, 10, 0);
        CHECK(far_behind.empty());
        const std::string none = co_await sent_of(content, 0, 0, 0);
        CHECK(none.empty());
    }());
}

TEST_CASE("a stream goes on after a file, and what was joined leaves before it") {
    async::run([]() -> task<void> {
        const text_file content("<file>");
        file source = co_await content.open();
        stream_pair pair = co_await connected_pair();
        {
            cork_guard cork = pair.client.cork();
            co_await pair.client.write("head");
            const std::uint64_t sent = co_await pair.client.send_file(source);
            CHECK(sent == 6);
            co_await pair.client.write("tail");
        }
        co_await pair.client.shutdown_write();
        const std::string got = co_await read_all(pair.server);
        CHECK(got == "head<file>tail");
        CHECK(pair.client.written() == 14);
        co_await source.close();
    }());
}

TEST_CASE("while a file is sent, other writes are refused") {
    async::run([]() -> task<void> {
        const text_file content(pattern(200'000));
        file source = co_await content.open();
        stream_pair pair = co_await narrow_pair();
        auto sending = co_await begin_sending(pair.client, source);
        const std::error_code write = co_await error_of(pair.client.write("x"));
        CHECK(write == errc::busy);
        const std::error_code again = co_await error_of(pair.client.send_file(source));
        CHECK(again == errc::busy);
        const std::error_code shut = co_await error_of(pair.client.shutdown_write());
        CHECK(shut == errc::busy);
        const std::string got = co_await read_exactly(pair.server, content.text().size());
        CHECK(same(got, content.text()));
        const std::uint64_t sent = co_await sending;
        CHECK(sent == content.text().size());
        co_await pair.client.write("x");
        co_await source.close();
    }());
}

TEST_CASE("a file waits for no write: it is refused while one is pending, and two files do not mix") {
    async::run([]() -> task<void> {
        const text_file content(pattern(150'000));
        file source = co_await content.open();
        stream_pair pair = co_await narrow_pair();
        auto write = [](tcp_stream& stream, const std::string& text) -> task<void> { co_await stream.write(text); };
        auto writing = create_task(write(pair.client, content.text()));
        co_await async::testing::wait_all_tasks_blocked();
        const std::error_code busy = co_await error_of(pair.client.send_file(source));
        CHECK(busy == errc::busy);
        const std::string first = co_await read_exactly(pair.server, content.text().size());
        CHECK(same(first, content.text()));
        co_await writing;
        // Two at once, and a write right after them, before either has begun: one is served.
        auto one = create_task(error_of(pair.client.send_file(source)));
        auto two = create_task(error_of(pair.client.send_file(source)));
        auto three = create_task(error_of(pair.client.write(content.text())));
        const std::string second = co_await read_exactly(pair.server, content.text().size());
        CHECK(same(second, content.text()));
        const std::error_code code_1 = co_await one;
        const std::error_code code_2 = co_await two;
        const std::error_code code_3 = co_await three;
        const int served = !code_1 + !code_2 + !code_3;
        CHECK(served == 1);
        CHECK(pair.client.written() == 2 * content.text().size());
        co_await source.close();
    }());
}

TEST_CASE("send_file ends where the file has come to end meanwhile") {
    async::run([]() -> task<void> {
        const text_file content(pattern(200'000));
        file source = co_await content.open();
        stream_pair pair = co_await narrow_pair();
        auto sending = co_await begin_sending(pair.client, source);
        co_await write_file(content.directory() / "file", "short");
        auto reading = create_task(read_all(pair.server));
        const std::uint64_t sent = co_await sending;
        CHECK(sent < content.text().size());
        co_await pair.client.write("!");
        co_await pair.client.close();
        const std::string got = co_await reading;
        CHECK(got.size() == sent + 1);
        CHECK(got.back() == '!');
        co_await source.close();
    }());
}

TEST_CASE("send_file fails if the peer closes meanwhile, the file stays usable, and the program lives") {
    const int before = open_descriptors();
    async::run([]() -> task<void> {
        const text_file content(pattern(200'000));
        file source = co_await content.open();
        stream_pair pair = co_await narrow_pair();
        auto sending = co_await begin_sending(pair.client, source);
        pair.server.abort();
        const std::error_code code = co_await error_of(std::move(sending));
        CHECK((code == std::errc::broken_pipe || code == std::errc::connection_reset ||
               code == std::errc::connection_aborted));
        const std::error_code write = co_await error_of(pair.client.write("x"));
        CHECK(write == errc::broken);
        // A second one, to a peer that is known to be gone.
        const std::error_code again = co_await error_of(pair.client.send_file(source));
        CHECK(again == errc::broken);
        std::array<std::byte, 10> room;
        const std::size_t count = co_await source.read_at(room, 0);
        CHECK(count != 0);  // the file is as it was
        co_await source.close();
        co_await pair.client.close();
    }());
    CHECK(open_descriptors() == before);
}

TEST_CASE("send_file to a peer that is gone fails, and the program lives") {
    async::run([]() -> task<void> {
        const text_file content("text");
        file source = co_await content.open();
        stream_pair pair = co_await connected_pair();
        pair.server.abort();
        co_await error_of(pair.client.read());
        for (int i = 0; i < 2; ++i) {
            const std::error_code code = co_await error_of(pair.client.send_file(source));
            CHECK((code == std::errc::broken_pipe || code == std::errc::connection_reset));
        }
        CHECK(pair.client.written() == 0);
        co_await source.close();
    }());
}

TEST_CASE("send_file that is cut short breaks the stream and tells how much was sent") {
    async::run([]() -> task<void> {
        const text_file content(pattern(200'000));
        file source = co_await content.open();
        stream_pair pair = co_await narrow_pair();
        auto sending = co_await begin_sending(pair.client, source);
        sending.cancel();
        co_await sending.wait();
        const std::error_code write = co_await error_of(pair.client.write("x"));
        CHECK(write == errc::broken);
        const std::uint64_t written = pair.client.written();
        co_await pair.client.close();
        const std::string got = co_await read_all(pair.server);
        CHECK(same(got, content.text().substr(0, written)));
        co_await source.close();
    }());
}

TEST_CASE("send_file that was cancelled before anything left has no effect") {
    async::run([]() -> task<void> {
        const text_file content("text");
        file source = co_await content.open();
        stream_pair pair = co_await narrow_pair();
        const std::uint64_t before = fill_up(pair.client.handle());
        auto sending = create_task(send_all(pair.client, source));
        co_await async::testing::wait_all_tasks_blocked();
        REQUIRE_FALSE(sending.done());
        sending.cancel();
        co_await sending.wait();
        CHECK(pair.client.written() == 0);
        static_cast<void>(co_await read_exactly(pair.server, before));
        co_await pair.client.write("goes on");
        const std::string got = co_await read_exactly(pair.server, 7);
        CHECK(got == "goes on");
        co_await source.close();
    }());
}

TEST_CASE("close ends a send_file that is under way") {
    async::run([]() -> task<void> {
        const text_file content(pattern(200'000));
        file source = co_await content.open();
        stream_pair pair = co_await narrow_pair();
        auto sending = co_await begin_sending(pair.client, source);
        co_await pair.client.close();
        const std::error_code code = co_await error_of(std::move(sending));
        CHECK(code == errc::closed);
        const std::error_code again = co_await error_of(pair.client.send_file(source));
        CHECK(again == errc::closed);
        co_await source.close();
    }());
}

TEST_CASE("send_file tells of a file that is closed, or may not be read") {
    async::run([]() -> task<void> {
        const text_file content("text");
        stream_pair pair = co_await connected_pair();
        file source = co_await content.open();
        co_await source.close();
        const std::error_code closed = co_await error_of(pair.client.send_file(source));
        CHECK(closed == std::errc::bad_file_descriptor);
        file sink = co_await content.open(open_mode::append);
        const std::error_code forbidden = co_await error_of(pair.client.send_file(sink));
        CHECK(forbidden == std::errc::bad_file_descriptor);
        co_await sink.close();
        co_await pair.client.write("goes on");
        const std::string got = co_await read_exactly(pair.server, 7);
        CHECK(got == "goes on");
    }());
}

#ifdef __linux__
TEST_CASE("send_file sends what has no size, as of /proc") {
    if (on_sim()) {
        MESSAGE("skipped: there is no /proc in a simulated world");
        return;
    }
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        file source = co_await file::open("/proc/self/status");
        const std::uint64_t sent = co_await pair.client.send_file(source);
        co_await pair.client.close();
        const std::string got = co_await read_all(pair.server);
        CHECK(got.size() == sent);
        CHECK(got.starts_with("Name:"));
        co_await source.close();
    }());
}
#endif

// Releasing.

TEST_CASE("a stream that is released is closed, and its peer notices nothing") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        released_socket given = co_await pair.server.release();
        CHECK(given.is_open());
        CHECK(given.unread().empty());
        CHECK_FALSE(pair.server.is_open());
        const std::error_code read = co_await error_of(pair.server.read());
        CHECK(read == errc::closed);
        const std::error_code again = co_await error_of(pair.server.release());
        CHECK(again == errc::closed);
        tcp_stream taken = tcp_stream::adopt(std::move(given));
        CHECK_FALSE(given.is_open());
        co_await pair.client.write("question");
        const std::string question = co_await read_exactly(taken, 8);
        CHECK(question == "question");
        co_await taken.write("answer");
        const std::string answer = co_await read_exactly(pair.client, 6);
        CHECK(answer == "answer");
    }());
}

TEST_CASE("a stream is not released while something is pending, or a task is about to read: it is closed then") {
    async::run([]() -> task<void> {
        {
            stream_pair pair = co_await connected_pair();
            auto reading = create_task(read_all(pair.server));
            co_await async::testing::wait_all_tasks_blocked();
            const std::error_code code = co_await error_of(pair.server.release());
            CHECK(code == errc::busy);
            const std::error_code read = co_await error_of(std::move(reading));
            CHECK(read == errc::closed);
        }
        {
            stream_pair pair = co_await narrow_pair();
            const std::string text = pattern(150'000);
            auto write = [](tcp_stream& stream, const std::string& t) -> task<void> { co_await stream.write(t); };
            auto writing = create_task(write(pair.server, text));
            co_await async::testing::wait_all_tasks_blocked();
            const std::error_code code = co_await error_of(pair.server.release());
            CHECK(code == errc::busy);
            const std::error_code written = co_await error_of(std::move(writing));
            CHECK(written == errc::closed);
        }
        {
            stream_pair pair = co_await connected_pair();
            auto line = create_task(error_of(pair.server.read_line()));
            co_await async::testing::wait_all_tasks_blocked();
            co_await pair.client.write("not yet a line");
            // In whichever state the reader is: it has the bytes perhaps, and has not gone on.
            for (int i = 0; i < 3; ++i) {
                work_for(this_engine(), 1ms);
                co_await yield();
            }
            const std::error_code code = co_await error_of(pair.server.release());
            CHECK(code == errc::busy);
            const std::error_code read = co_await line;
            CHECK(read == errc::closed);
        }
    }());
}

TEST_CASE("a stream with joined writes is released once they have left") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        std::optional<cork_guard> cork(pair.server.cork());
        co_await pair.server.write("joined");
        released_socket given = co_await pair.server.release();
        cork.reset();
        const std::string got = co_await read_exactly(pair.client, 6);
        CHECK(got == "joined");

        stream_pair narrow = co_await narrow_pair();
        cork_guard other = narrow.server.cork();
        co_await narrow.server.write(joined_text());
        const std::error_code code = co_await error_of(narrow.server.release());
        CHECK(code == errc::busy);
        CHECK_FALSE(narrow.server.is_open());
    }());
}
