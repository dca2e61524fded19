#include <libasync/net/tcp_stream.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <thread>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<void> echo(tcp_stream stream) {
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) co_return;
        co_await stream.write(data);
    }
}

task<void> write_all(tcp_stream& stream, const std::string& text) { co_await stream.write(text); }

}  // namespace

TEST_CASE("what is sent comes back, whatever its size") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        auto server = create_task(echo(std::move(pair.server)));
        for (const unsigned size :
             {1u, 2u, 63u, 64u, 65u, 1000u, 4095u, 4096u, 4097u, 16'384u, 65'536u, 1'000'000u, 8u << 20}) {
            CAPTURE(size);
            const std::string text = pattern(size);
            auto writer = create_task(write_all(pair.client, text));
            const std::string got = co_await read_exactly(pair.client, size);
            co_await writer;
            CHECK((got == text));
        }
        co_await pair.client.close();
        co_await server;
    }());
}

TEST_CASE("a slow reader slows the writer down, and loses nothing") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        const std::string text = pattern(8 << 20);
        auto write_and_end = [](tcp_stream& stream, const std::string& text, bool& done) -> task<void> {
            co_await stream.write(text);
            done = true;
            co_await stream.shutdown_write();
        };
        bool written = false;
        auto writer = create_task(write_and_end(pair.client, text, written));
        for (int i = 0; i < 20; ++i) co_await sleep(100us);
        CHECK_FALSE(written);  // the kernel does not take 8 MiB that nobody reads
        std::string got;
        for (int i = 0;; ++i) {
            const chunk data = co_await pair.server.read();
            if (data.empty()) break;
            got += data.text();
            if (i % 64 == 0) co_await sleep(10us);
        }
        co_await writer;
        CHECK((got == text));
        CHECK(pair.client.written() == text.size());
    }());
}

TEST_CASE("several buffers are sent in one write, in order, empty ones too; no bytes at all is no error") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        const std::string big = pattern(300'000);
        const std::vector<std::byte> bytes(3, std::byte('x'));
        auto write_several = [](tcp_stream& stream, const std::string& big,
                                const std::vector<std::byte>& bytes) -> task<void> {
            co_await stream.write("head ", std::string_view(), big, bytes, std::string(" tail"));
            co_await stream.write("");
            co_await stream.write(std::string(), std::string_view());
            co_await stream.shutdown_write();
        };
        auto writer = create_task(write_several(pair.client, big, bytes));
        const std::string got = co_await read_all(pair.server);
        co_await writer;
        CHECK((got == "head " + big + "xxx tail"));
        CHECK(pair.client.written() == got.size());
    }());
}

TEST_CASE("IPv6 works like IPv4") {
    async::run([]() -> task<void> {
        tcp_listener listener;
        try {
            listener = tcp_listener::bind(endpoint::loopback(0, address_family::ipv6));
        } catch (const std::system_error& e) {
            MESSAGE("skipped, no IPv6 here: " << e.what());
            co_return;
        }
        const endpoint where = listener.local_endpoint();
        CHECK(where.family() == address_family::ipv6);
        tcp_stream client = co_await connect(where);
        tcp_stream server = co_await listener.accept();
        CHECK(client.remote_endpoint() == where);
        CHECK(server.remote_endpoint() == client.local_endpoint());
        co_await client.write("six");
        const std::string got = co_await read_exactly(server, 3);
        CHECK(got == "six");
    }());
}

TEST_CASE("the end of the stream is read as no bytes, as often as one asks") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        co_await pair.client.write("last words");
        co_await pair.client.close();
        const std::string got = co_await read_exactly(pair.server, 10);
        CHECK(got == "last words");
        std::byte buffer[8];
        for (int i = 0; i < 3; ++i) {
            const chunk none = co_await pair.server.read();
            CHECK(none.empty());
            const std::size_t count = co_await pair.server.read_some(buffer);
            CHECK(count == 0);
        }
    }());
}

TEST_CASE("after shutdown_write the peer reads the end, and can still answer") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        co_await pair.client.write("question");
        co_await pair.client.shutdown_write();
        const std::string question = co_await read_all(pair.server);
        CHECK(question == "question");
        co_await pair.server.write("answer");
        co_await pair.server.close();
        const std::string answer = co_await read_all(pair.client);
        CHECK(answer == "answer");
        const std::error_code again = co_await error_of(pair.client.write("more"));
        CHECK(again == std::errc::broken_pipe);
    }());
}

TEST_CASE("reading into no memory gives no bytes and takes none") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        std::size_t count = co_await pair.server.read_some({});
        CHECK(count == 0);
        co_await pair.client.write("x");
        count = co_await pair.server.read_some({});
        CHECK(count == 0);
        const std::string got = co_await read_exactly(pair.server, 1);
        CHECK(got == "x");
    }());
}

TEST_CASE("read and read_some may be mixed: the bytes stay in order") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        const std::string text = pattern(200'000);
        auto writer = create_task(write_all(pair.client, text));
        std::string got;
        std::minstd_rand random(3);
        while (got.size() < text.size()) {
            if (random() % 2 == 0) {
                const chunk data = co_await pair.server.read();
                got += data.text();
            } else {
                char buffer[700];
                const std::span<char> part(buffer, 1 + random() % sizeof buffer);
                const std::size_t count = co_await pair.server.read_some(std::as_writable_bytes(part));
                got.append(buffer, count);
            }
        }
        co_await writer;
        CHECK((got == text));
    }());
}

TEST_CASE("a chunk may outlive its stream and its loop, and be released on another thread") {
    chunk kept;
    std::vector<chunk> many;
    async::run([](chunk& kept, std::vector<chunk>& many) -> task<void> {
        stream_pair pair = co_await connected_pair();
        co_await pair.client.write("k");
        kept = co_await pair.server.read();
        for (int i = 0; i < 300; ++i) {
            co_await pair.client.write("x");
            many.push_back(co_await pair.server.read());
        }
    }(kept, many));
    CHECK(kept.text() == "k");
    std::thread([chunks = std::move(many)]() mutable {
        for (const chunk& c : chunks) CHECK(c.text() == "x");
        chunks.clear();
    }).join();
    kept.release();
    CHECK(kept.empty());
}

TEST_CASE("chunks that are released on another thread while the loop reads come back to it") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        std::vector<std::thread> threads;
        for (int i = 0; i < 50; ++i) {
            co_await pair.client.write("chunk");
            chunk received = co_await pair.server.read();
            threads.emplace_back([data = std::move(received)]() mutable { data.release(); });
        }
        for (std::thread& t : threads) t.join();
    }());
}

TEST_CASE("two hundred connections talk at once") {
    async::run([]() -> task<void> {
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
        auto serve = [](tcp_listener& listener) -> task<void> {
            for (;;) create_task(echo(co_await listener.accept()));
        };
        auto server = create_task(serve(listener));
        auto talk = [](endpoint where, int n) -> task<bool> {
            tcp_stream stream = co_await connect(where);
            bool right = true;
            for (int i = 0; i < 5; ++i) {
                const std::string text = "connection " + std::to_string(n) + " message " + std::to_string(i);
                co_await stream.write(text);
                const std::string got = co_await read_exactly(stream, text.size());
                right = right && got == text;
            }
            co_return right;
        };
        std::vector<task<bool>> talks;
        for (int n = 0; n < 200; ++n) talks.push_back(talk(listener.local_endpoint(), n));
        const std::vector<bool> right = co_await gather(std::move(talks));
        CHECK(std::count(right.begin(), right.end(), true) == 200);
        server.cancel();
        co_await server.wait();
    }());
}

TEST_CASE("options reach the socket, when it is made and later") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair({.no_delay = false, .keep_alive = true, .send_buffer = 50'000});
        for (tcp_stream* stream : {&pair.client, &pair.server}) {
            int value = 0;
            CHECK(this_engine().calls().get_option(stream->handle(), io::socket_option::no_delay, value) == 0);
            CHECK(value == 0);
            CHECK(this_engine().calls().get_option(stream->handle(), io::socket_option::keep_alive, value) == 0);
            CHECK(value != 0);
            CHECK(this_engine().calls().get_option(stream->handle(), io::socket_option::send_buffer, value) == 0);
            CHECK(value >= 50'000);
            stream->set_options({});
            CHECK(this_engine().calls().get_option(stream->handle(), io::socket_option::no_delay, value) == 0);
            CHECK(value != 0);
        }
        CHECK(pair.client.local_endpoint() == pair.server.remote_endpoint());
        CHECK(pair.client.remote_endpoint() == pair.server.local_endpoint());
    }());
}

TEST_CASE("a connected socket of the caller's is adopted") {
    async::run([]() -> task<void> {
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
        int error = 0;
        const native_handle handle = this_engine().calls().open_tcp_socket(address_family::ipv4, error);
        REQUIRE(error == 0);
        REQUIRE(connect_now(this_engine(), handle, listener.local_endpoint()) == 0);
        tcp_stream client = tcp_stream::adopt(handle, {.keep_alive = true});
        tcp_stream server = co_await listener.accept();
        co_await client.write("adopted");
        const std::string got = co_await read_exactly(server, 7);
        CHECK(got == "adopted");
        int value = 0;
        CHECK(this_engine().calls().get_option(client.handle(), io::socket_option::keep_alive, value) == 0);
        CHECK(value != 0);
    }());
}
