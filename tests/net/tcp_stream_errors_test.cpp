// What goes wrong with streams: refused, reset, busy, closed, and cancelled in every phase.
#include <doctest/doctest.h>

#include <random>
#include <string>

#include <libasync/async.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/network.hpp>
#include <tests/support/own_address.hpp>
#include <tests/support/scripted.hpp>

#ifndef _WIN32
#include <fcntl.h>
#endif

using namespace async_tests;

namespace {

task<chunk> read_once(tcp_stream& stream) { co_return co_await stream.read(); }

task<std::size_t> read_some_once(tcp_stream& stream) {
    std::byte buffer[16];
    co_return co_await stream.read_some(buffer);
}

task<void> write_all(tcp_stream& stream, const std::string& text) { co_await stream.write(text); }

}  // namespace

TEST_CASE("a refused connection is an error that names the peer") {
    async::run([]() -> task<void> {
        endpoint nobody;
        {
            tcp_listener listener = tcp_listener::bind(own_address());
            nobody = listener.local_endpoint();
            co_await listener.close();
        }
        std::error_code code;
        std::string message;
        try {
            co_await connect(nobody);
        } catch (const std::system_error& e) {
            code = e.code();
            message = e.what();
        }
        CHECK(code == std::errc::connection_refused);
        CHECK(message.find(nobody.to_string()) != std::string::npos);
        CHECK(message.find("connect") != std::string::npos);
    }());
}

TEST_CASE("a connect that is cancelled leaves nothing behind") {
    const int before = open_descriptors();
    async::run([]() -> task<void> {
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
        for (int i = 0; i < 20; ++i) {
            cancel_scope scope;
            if (i % 2 == 0) scope.cancel();
            auto canceller = [](cancel_scope& scope) -> task<void> {
                scope.cancel();
                co_return;
            };
            if (i % 2 == 1) create_task(canceller(scope));
            static_cast<void>(co_await scope.run(connect(listener.local_endpoint())));
        }
    }());
    CHECK(open_descriptors() == before);
}

TEST_CASE("a reset by the peer ends a pending read with an error that names the peer") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        const std::string peer = pair.client.remote_endpoint().to_string();
        auto reader = create_task(read_once(pair.client));
        co_await sleep(1ms);
        pair.server.abort();
        CHECK_FALSE(pair.server.is_open());
        std::error_code code;
        std::string message;
        try {
            co_await reader;
        } catch (const std::system_error& e) {
            code = e.code();
            message = e.what();
        }
        CHECK(code == std::errc::connection_reset);
        CHECK(message.find("read") != std::string::npos);
        co_await sleep(1ms);
        const std::error_code write = co_await error_of(pair.client.write("x"));
        CHECK((write == std::errc::broken_pipe || write == std::errc::connection_reset));
    }());
}

#ifndef _WIN32  // Wine tells of a reset only who waited for it, and others of a mere end
TEST_CASE("once the peer has reset, every read says so") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        pair.server.abort();
        co_await sleep(1ms);
        for (int i = 0; i < 3; ++i) {
            const std::error_code code = co_await error_of(pair.client.read());
            CHECK(code == std::errc::connection_reset);
        }
        std::byte buffer[4];
        const std::error_code code = co_await error_of(pair.client.read_some(buffer));
        CHECK(code == std::errc::connection_reset);
    }());
}

TEST_CASE("closing with data that was received but not read resets the peer") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        auto reader = create_task(read_once(pair.server));
        co_await sleep(1ms);
        co_await pair.client.write("read");
        co_await reader;
        co_await pair.client.write("not read");
        co_await sleep(1ms);
        co_await pair.server.close();
        const std::error_code code = co_await error_of(pair.client.read());
        CHECK(code == std::errc::connection_reset);
    }());
}
#endif

TEST_CASE("a reset by the peer ends a pending write") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        const std::string text = pattern(16 << 20);
        auto writer = create_task(write_all(pair.client, text));
        const std::string first = co_await read_exactly(pair.server, 1);  // what has sent nothing is not broken
        CHECK(first == text.substr(0, 1));
        CHECK_FALSE(writer.done());
        pair.server.abort();
        const std::error_code code = co_await error_of(std::move(writer));
        CHECK((code == std::errc::broken_pipe || code == std::errc::connection_reset));
        const std::error_code next = co_await error_of(pair.client.write("x"));
        CHECK(next == errc::broken);
    }());
}

TEST_CASE("a second reader is told that the stream is busy; the first goes on") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        auto first = create_task(read_once(pair.server));
        co_await yield();
        const std::error_code second = co_await error_of(pair.server.read());
        CHECK(second == errc::busy);
        std::byte buffer[4];
        const std::error_code third = co_await error_of(pair.server.read_some(buffer));
        CHECK(third == errc::busy);
        co_await pair.client.write("1");
        const chunk data = co_await first;
        CHECK(data.text() == "1");

        auto some = create_task(read_some_once(pair.server));
        co_await yield();
        const std::error_code fourth = co_await error_of(pair.server.read());
        CHECK(fourth == errc::busy);
        co_await pair.client.write("x");
        const std::size_t count = co_await some;
        CHECK(count == 1);
    }());
}

TEST_CASE("a second writer is told that the stream is busy, and so is shutdown_write; the first goes on") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        const std::string text = pattern(8 << 20);
        auto first = create_task(write_all(pair.client, text));
        co_await sleep(1ms);
        REQUIRE_FALSE(first.done());
        const std::error_code second = co_await error_of(pair.client.write("x"));
        CHECK(second == errc::busy);
        const std::error_code shutdown = co_await error_of(pair.client.shutdown_write());
        CHECK(shutdown == errc::busy);
        const std::string got = co_await read_exactly(pair.server, text.size());
        co_await first;
        CHECK((got == text));
        co_await pair.client.write("y");
        const std::string more = co_await read_exactly(pair.server, 1);
        CHECK(more == "y");
    }());
}

TEST_CASE("everything on a closed stream gives errc::closed, except closing it again") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        co_await pair.client.close();
        tcp_stream never_open;
        for (tcp_stream* stream : {&pair.client, &never_open}) {
            CHECK_FALSE(stream->is_open());
            CHECK(stream->handle() == invalid_handle);
            std::byte buffer[4];
            const std::error_code read = co_await error_of(stream->read());
            const std::error_code read_some = co_await error_of(stream->read_some(buffer));
            const std::error_code write = co_await error_of(stream->write("x"));
            const std::error_code shutdown = co_await error_of(stream->shutdown_write());
            CHECK(read == errc::closed);
            CHECK(read_some == errc::closed);
            CHECK(write == errc::closed);
            CHECK(shutdown == errc::closed);
            CHECK_THROWS_AS(stream->local_endpoint(), std::system_error);
            CHECK_THROWS_AS(stream->set_options({}), std::system_error);
            co_await stream->close();
            stream->abort();
        }
    }());
}

TEST_CASE("what is pending on a stream when it is closed, destroyed or aborted ends with errc::closed") {
    enum class end { close, destroy, abort, assign };
    for (const end how : {end::close, end::destroy, end::abort, end::assign}) {
        async::run([](end how) -> task<void> {
            stream_pair pair = co_await connected_pair();
            std::optional<tcp_stream> stream = std::move(pair.client);
            const std::string text = pattern(16 << 20);
            auto reader = create_task(read_once(*stream));
            auto writer = create_task(write_all(*stream, text));
            co_await sleep(1ms);
            REQUIRE_FALSE(reader.done());
            REQUIRE_FALSE(writer.done());
            switch (how) {
                case end::close: co_await stream->close(); break;
                case end::destroy: stream.reset(); break;
                case end::abort: stream->abort(); break;
                case end::assign: *stream = tcp_stream(); break;
            }
            const std::error_code read = co_await error_of(std::move(reader));
            const std::error_code write = co_await error_of(std::move(writer));
            CHECK(read == errc::closed);
            CHECK(write == errc::closed);
        }(how));
    }
}

TEST_CASE("close waits until the descriptor is gone, also in a cancelled scope") {
    async::run([]() -> task<void> {
        for (const bool in_cancelled_scope : {false, true}) {
            stream_pair pair = co_await connected_pair();
            [[maybe_unused]] const auto descriptor = static_cast<int>(pair.client.handle());
            cancel_scope scope;
            if (in_cancelled_scope) scope.cancel();
            static_cast<void>(co_await scope.run(pair.client.close()));
            CHECK_FALSE(pair.client.is_open());
#ifndef _WIN32
            CHECK(::fcntl(descriptor, F_GETFD) == -1);
#endif
            const chunk end = co_await pair.server.read();
            CHECK(end.empty());
        }
    }());
}

TEST_CASE("a read that is cancelled, before, during or after the arrival, loses no byte") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        const std::string text = pattern(3000);
        auto trickle = [](tcp_stream& stream, const std::string& text) -> task<void> {
            for (std::size_t i = 0; i < text.size(); i += 3) {
                co_await stream.write(std::string_view(text).substr(i, 3));
                if (i % 5 == 0) co_await yield();
                if (i % 70 == 0) co_await sleep(20us);
            }
            co_await stream.shutdown_write();
        };
        auto writer = create_task(trickle(pair.client, text));
        const unsigned seed = std::random_device{}();
        CAPTURE(seed);
        std::minstd_rand random(seed);
        std::string got;
        int cut_short = 0;
        for (bool end = false; !end;) {
            const auto patience = std::chrono::microseconds(random() % 4 == 0 ? 0 : random() % 40);
            if (random() % 2 == 0) {
                const std::optional<chunk> data = co_await move_on_after(patience, pair.server.read());
                if (data) got += data->text();
                cut_short += !data;
                end = data && data->empty();
            } else {
                char buffer[5];
                const auto bytes = std::as_writable_bytes(std::span(buffer));
                const std::optional<std::size_t> count = co_await move_on_after(patience, pair.server.read_some(bytes));
                if (count) got.append(buffer, *count);
                cut_short += !count;
                end = count && *count == 0;
            }
        }
        co_await writer;
        CHECK((got == text));
        CHECK(cut_short > 0);
    }());
}

TEST_CASE("a write that is cut short poisons the stream: written tells how much the peer will read") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        co_await pair.client.write("start ");
        const std::string text = pattern(16 << 20);
        const std::uint64_t sent = co_await write_until_full(pair.client, text);
        CHECK(sent > 6);
        CHECK(sent < text.size());
        const std::error_code next = co_await error_of(pair.client.write("x"));
        CHECK(next == errc::broken);
        const std::string message = co_await message_of(pair.client.write("x"));
        CHECK(message.find("write") != std::string::npos);
        CHECK(pair.client.written() == sent);
        auto reader = create_task(read_all(pair.server));
        co_await pair.client.close();
        const std::string got = co_await reader;
        CHECK(got.size() == sent);
        CHECK((got == ("start " + text).substr(0, sent)));
    }());
}

TEST_CASE("a write that is cancelled before it sends anything does not poison the stream") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        cancel_scope scope;
        scope.cancel();
        const auto got = co_await scope.run(write_all(pair.client, "never sent"));
        CHECK_FALSE(got.has_value());
        CHECK(pair.client.written() == 0);
        co_await pair.client.write("sent");
        const std::string read = co_await read_exactly(pair.server, 4);
        CHECK(read == "sent");
    }());
}

TEST_CASE("streams with operations pending may be torn down with their runner") {
    const int before = open_descriptors();
    {
        runner r;
        auto hold = [](bool& ready) -> task<void> {
            stream_pair pair = co_await connected_pair();
            auto reader = create_task(read_once(pair.server));
            const std::string text = pattern(16 << 20);
            ready = true;
            co_await pair.client.write(text);
        };
        bool ready = false;
        r.create_task(hold(ready));
        while (!ready) r.turn(turn::wait);
        r.turn(turn::no_wait);
    }
    CHECK(open_descriptors() == before);
}
