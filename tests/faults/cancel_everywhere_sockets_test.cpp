// Datagrams, unix sockets, pipes, corks, files that are sent and streams that are released, cancelled at every
// suspension.
#include <doctest/doctest.h>

#include <array>
#include <string>

#include <tests/support/cancel.hpp>
#include <tests/support/corks.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/files.hpp>
#include <tests/support/foreign_handles.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

constexpr int datagrams = 5;

task<void> send_datagrams(udp_socket& socket, endpoint to) {
    for (int i = 0; i < datagrams; ++i) {
        co_await sleep(200us);
        co_await socket.send_to(std::to_string(i), to);
    }
}

task<void> receive_datagrams(udp_socket& socket, std::string& got) {
    while (got.size() < datagrams) {
        std::array<char, 10> room;
        const received_datagram d = co_await socket.recv_from(std::as_writable_bytes(std::span(room)));
        got.append(room.data(), d.size);
    }
}

task<void> receive_batches(udp_socket& socket, std::string& got) {
    while (got.size() < datagrams) {
        std::array<char, 20> room;
        std::array<incoming_datagram, 2> batch;
        batch[0].into = std::as_writable_bytes(std::span(room).first(10));
        batch[1].into = std::as_writable_bytes(std::span(room).last(10));
        const std::size_t count = co_await socket.recv_many(batch);
        for (std::size_t i = 0; i < count; ++i) got.append(room.data() + 10 * i, batch[i].size);
    }
}

// Whoever receives on after a cancellation misses no datagram.
cancel_report miss_nothing(task<void> (*receive)(udp_socket&, std::string&)) {
    return cancel_everywhere([receive](cancel_subject& subject) -> task<void> {
        udp_socket near = udp_socket::bind(endpoint::loopback(0));
        udp_socket far = udp_socket::bind(endpoint::loopback(0));
        std::string got;
        auto sending = create_task(send_datagrams(far, near.local_endpoint()));
        const auto ending = co_await subject.run(receive(near, got));
        must_not_fail(ending);
        if (!ending.completed()) co_await receive(near, got);
        co_await sending;
        must(got == "01234", "each has come, once");
        co_await near.close();
        co_await far.close();
    });
}

}  // namespace

TEST_CASE("receiving datagrams one by one misses none") { check_cancelled(miss_nothing(receive_datagrams)); }

TEST_CASE("receiving datagrams by several misses none") { check_cancelled(miss_nothing(receive_batches)); }

TEST_CASE("datagrams are sent or not, and who sends knows which") {
    const auto send = [](udp_socket& socket, int& sent) -> task<void> {
        for (; sent < 3; ++sent) {
            co_await yield();
            co_await socket.send(std::to_string(sent));
        }
    };
    check_cancelled(cancel_everywhere([send](cancel_subject& subject) -> task<void> {
        udp_socket far = udp_socket::bind(endpoint::loopback(0));
        udp_socket near = udp_socket::connect(far.local_endpoint());
        int sent = 0;
        const auto ending = co_await subject.run(send(near, sent));
        must_not_fail(ending);
        must(ending.completed() == (sent == 3), "all, if it completed");
        co_await near.send("end");
        std::string got;
        while (!got.ends_with("end")) {
            std::array<char, 10> room;
            const received_datagram d = co_await far.recv_from(std::as_writable_bytes(std::span(room)));
            got.append(room.data(), d.size);
        }
        must(got == std::string("012").substr(0, static_cast<std::size_t>(sent)) + "end", "what was sent has come");
        co_await near.close();
        co_await far.close();
    }));
}

namespace {

constexpr std::size_t pieces = 3;
const std::string text = pattern(20'000 * pieces);

task<void> write_joined(tcp_stream& stream, cork_guard& cork) {
    for (std::size_t i = 0; i < pieces; ++i) {
        co_await stream.write(std::string_view(text).substr(i * 20'000, 20'000));
        co_await cork.flush();
        co_await yield();
    }
}

task<void> read_slowly(tcp_stream& stream, std::string& got) {
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) co_return;
        got += data.text();
        co_await yield();
    }
}

}  // namespace

TEST_CASE("a flush that was cut short tells how much was sent, and the stream refuses more; else nothing is lost") {
    int cut_short = 0;
    const auto scenario = [&cut_short](cancel_subject& subject) -> task<void> {
        stream_pair pair = co_await narrow_pair();
        std::string got;
        auto peer = create_task(read_slowly(pair.server, got));
        std::uint64_t written = 0;
        {
            cork_guard cork = pair.client.cork();
            const auto ending = co_await subject.run(write_joined(pair.client, cork));
            must_not_fail(ending);
            written = pair.client.written();
            must(!ending.completed() || written == text.size(), "all was sent, if it completed");
            const std::error_code flushed = co_await error_of(cork.flush());
            must(!flushed || flushed == errc::broken, "what is left leaves, unless a part was sent");
            cut_short += flushed == errc::broken;
            must(!flushed || pair.client.written() == written, "a broken stream sends nothing");
            written = pair.client.written();
        }
        co_await pair.client.close();
        co_await peer;
        must(got == text.substr(0, written), "the peer has read what was written, and nothing else");
        co_await pair.server.close();
    };
    check_cancelled(cancel_everywhere(scenario));
    CHECK(cut_short != 0);
}

TEST_CASE("a file that was sent in part tells how much, and the stream refuses more") {
    const temporary_directory directory;
    directory.store("file", pattern(300'000));
    int cut_short = 0;
    const auto scenario = [&cut_short, &directory](cancel_subject& subject) -> task<void> {
        stream_pair pair = co_await narrow_pair();
        file source = co_await file::open(directory / "file");
        std::string got;
        auto peer = create_task(read_slowly(pair.server, got));
        const auto ending = co_await subject.run(pair.client.send_file(source));
        must_not_fail(ending);
        const std::uint64_t written = pair.client.written();
        must(ending.completed() == (written == 300'000), "it completes if and only if all was sent");
        const std::error_code again = co_await error_of(pair.client.write("x"));
        const bool in_part = !ending.completed() && written != 0;
        must(again == (in_part ? make_error_code(errc::broken) : std::error_code()), "broken, if a part was sent");
        cut_short += in_part;
        co_await pair.client.close();
        co_await peer;
        must(got == pattern(300'000).substr(0, written) + (in_part ? "" : "x"), "the peer has read what was written");
        co_await pair.server.close();
        co_await source.close();
    };
    check_cancelled(cancel_everywhere(scenario, {.deliveries = all_but_destruction}));
    CHECK(cut_short != 0);
}

TEST_CASE("a stream that is released goes on elsewhere, or is closed") {
    const auto hand_over = [](tcp_stream& from, tcp_stream& to) -> task<void> {
        co_await yield();
        released_socket given = co_await from.release();
        to = tcp_stream::adopt(std::move(given));
    };
    const auto scenario = [hand_over](cancel_subject& subject) -> task<void> {
        stream_pair pair = co_await connected_pair();
        co_await pair.client.write("0");
        const chunk first = co_await pair.server.read();
        co_await pair.client.write("12345");
        tcp_stream taken;
        const auto ending = co_await subject.run(hand_over(pair.server, taken));
        must_not_fail(ending);
        must(ending.completed() == taken.is_open(), "it is taken, if it completed");
        if (taken.is_open()) {
            const std::string got = co_await read_exactly(taken, 5);
            must(got == "12345", "nothing was lost");
        } else if (pair.server.is_open()) {
            const std::string got = co_await read_exactly(pair.server, 5);
            must(got == "12345", "it had not begun");
        } else {
            const std::error_code end = co_await error_of(pair.client.read());
            must(!end || was_reset(end), "it is closed");
        }
        co_await taken.close();
        co_await pair.server.close();
        co_await pair.client.close();
    };
    check_outcomes(cancel_everywhere(scenario));
}

#ifndef _WIN32

TEST_CASE("accepting and connecting by name loses no connection") {
    const auto connect_twice = [](unix_listener& listener, std::string& got) -> task<void> {
        for (int i = 0; i < 2; ++i) {
            co_await yield();
            unix_stream client = co_await unix_connect(listener.local_endpoint());
            unix_stream server = co_await listener.accept();
            co_await client.write(std::to_string(i));
            co_await client.close();
            for (;;) {
                const chunk data = co_await server.read();
                if (data.empty()) break;
                got += data.text();
            }
            co_await server.close();
        }
    };
    const auto scenario = [connect_twice](cancel_subject& subject) -> task<void> {
        const temporary_directory directory;
        unix_listener listener = unix_listener::bind(directory / "socket");
        std::string got;
        const auto ending = co_await subject.run(connect_twice(listener, got));
        must_not_fail(ending);
        must(std::string("01").starts_with(got), "in their order");
        must(!ending.completed() || got == "01", "both");
        co_await listener.close();
        const std::error_code gone = co_await error_of(unix_connect(directory / "socket"));
        must(gone == std::errc::no_such_file_or_directory, "the path is removed");
    };
    check_cancelled(cancel_everywhere(scenario));
}

namespace {

constexpr int with_handles = 3;

task<void> send_handles(unix_stream& stream, native_handle handle) {
    for (int i = 0; i < with_handles; ++i) {
        co_await sleep(200us);
        const std::array<native_handle, 1> handles = {handle};
        static_cast<void>(co_await stream.send_handles("x", handles));
    }
    co_await stream.shutdown_write();
}

task<void> receive_handles(unix_stream& stream, std::size_t& count) {
    for (;;) {
        std::array<std::byte, 1> room;
        const received_handles got = co_await stream.receive_handles(room);
        if (got.bytes() == 0) co_return;
        count += got.size();
    }
}

}  // namespace

TEST_CASE("handles that arrive are received or stay there, and are closed") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        auto [near, far] = unix_stream::pair({.receives_handles = true});
        auto [reader, writer] = async::pipe::create();
        std::size_t count = 0;
        auto sending = create_task(send_handles(far, writer.write_handle()));
        const auto ending = co_await subject.run(receive_handles(near, count));
        must_not_fail(ending);
        if (!ending.completed()) co_await receive_handles(near, count);
        co_await sending;
        // A frame that was destroyed may have had one of them already.
        must(count == with_handles || ending.destroyed(), "each has come, once");
        co_await near.close();
        co_await far.close();
        co_await writer.close();
        const std::string rest = co_await reader.read_all();
        must(rest.empty(), "all copies are closed");
        co_await reader.close();
    };
    check_cancelled(cancel_everywhere(scenario));
}

TEST_CASE("reading from a pipe loses nothing") {
    const auto write = [](async::pipe& p) -> task<void> {
        for (int i = 0; i < 4; ++i) {
            co_await sleep(200us);
            co_await p.write(std::to_string(i));
        }
        co_await p.shutdown_write();
    };
    const auto read = [](async::pipe& p, std::string& got) -> task<void> {
        for (;;) {
            const chunk data = co_await p.read();
            if (data.empty()) co_return;
            got += data.text();
        }
    };
    const auto scenario = [write, read](cancel_subject& subject) -> task<void> {
        auto [reader, writer] = async::pipe::create();
        std::string got;
        auto writing = create_task(write(writer));
        const auto ending = co_await subject.run(read(reader, got));
        must_not_fail(ending);
        if (!ending.completed()) co_await read(reader, got);
        co_await writing;
        must(got == "0123", "all of it");
        co_await reader.close();
        co_await writer.close();
    };
    check_cancelled(cancel_everywhere(scenario));
}

TEST_CASE("a write to a pipe that was cut short tells how much was written") {
    const std::string large = pattern(1'000'000);
    const auto write = [](async::pipe& p, const std::string& t) -> task<void> { co_await p.write(t); };
    const auto read = [](async::pipe& p, std::string& got) -> task<void> {
        for (;;) {
            const chunk data = co_await p.read();
            if (data.empty()) co_return;
            got += data.text();
            co_await yield();
        }
    };
    const auto scenario = [&large, write, read](cancel_subject& subject) -> task<void> {
        auto [reader, writer] = async::pipe::create();
        std::string got;
        auto peer = create_task(read(reader, got));
        const auto ending = co_await subject.run(write(writer, large));
        must_not_fail(ending);
        const std::uint64_t written = writer.written();
        must(ending.completed() == (written == large.size()), "it completes if and only if all was written");
        const bool in_part = !ending.completed() && written != 0;
        const std::error_code again = co_await error_of(writer.write("x"));
        must(again == (in_part ? make_error_code(errc::broken) : std::error_code()), "broken, if a part was written");
        co_await writer.close();
        co_await peer;
        must(got == large.substr(0, written) + (in_part ? "" : "x"), "what was written is read");
        co_await reader.close();
    };
    check_cancelled(cancel_everywhere(scenario));
}

TEST_CASE("waiting for a handle that is not the loop's takes nothing") {
    const auto wait = [](foreign_pair& pair, int& seen) -> task<void> {
        for (; seen < 2; ++seen) {
            co_await readable(pair.near());
            must(pair.receive() == 1, "something is there");
        }
    };
    const auto send = [](foreign_pair& pair) -> task<void> {
        for (int i = 0; i < 2; ++i) {
            co_await sleep(200us);
            must(pair.send("x") == 1, "it is sent");
        }
    };
    const auto scenario = [wait, send](cancel_subject& subject) -> task<void> {
        foreign_pair pair;
        int seen = 0;
        auto sending = create_task(send(pair));
        const auto ending = co_await subject.run(wait(pair, seen));
        must_not_fail(ending);
        if (!ending.completed()) co_await wait(pair, seen);
        co_await sending;
        must(seen == 2, "both are seen");
    };
    check_cancelled(cancel_everywhere(scenario));
}

TEST_CASE("select with a handle that is not the loop's loses neither its bytes nor what the other operation gives") {
    struct counts {
        std::size_t bytes = 0;
        int items = 0;
    };
    const auto take = [](foreign_pair& pair, channel_receiver<int> items, counts& seen) -> task<void> {
        while (seen.bytes < 2 || seen.items < 2) {
            auto got = co_await select(readable(pair.near()), items.receive());
            if (got.index() == 0) {
                seen.bytes += pair.receive();
            } else {
                seen.items += std::get<1>(got).value();
            }
        }
    };
    const auto give = [](foreign_pair& pair, channel_sender<int> items) -> task<void> {
        for (int i = 0; i < 2; ++i) {
            co_await sleep(200us);
            must(pair.send("x") == 1, "it is sent");
            co_await items.send(1);
        }
    };
    const auto scenario = [take, give](cancel_subject& subject) -> task<void> {
        foreign_pair pair;
        channel<int> items(0);
        counts seen;
        auto giving = create_task(give(pair, items.sender));
        const auto ending = co_await subject.run(take(pair, items.receiver, seen));
        must_not_fail(ending);
        if (!ending.completed()) co_await take(pair, items.receiver, seen);
        co_await giving;
        must(seen.bytes == 2 && seen.items == 2, "all is seen, once");
    };
    check_cancelled(cancel_everywhere(scenario));
}

#endif
