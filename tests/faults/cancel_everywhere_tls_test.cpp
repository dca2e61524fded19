// TLS, cancelled at every suspension: reads lose nothing, writes tell how much the peer will read, a handshake that
// does not come to its end leaves nothing open.
#include <doctest/doctest.h>

#include <array>
#include <string>

#include <tests/support/cancel.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/tls.hpp>

using namespace async_tests;

namespace {

constexpr int pieces = 3;

task<void> send_in_pieces(tls_stream& stream, const std::string& text) {
    const std::size_t size = text.size() / pieces;
    for (int i = 0; i < pieces; ++i) {
        co_await sleep(200us);
        co_await stream.write(std::string_view(text).substr(static_cast<std::size_t>(i) * size, size));
        if (i == 0) stream.renew_keys();
    }
    co_await stream.shutdown_write();
}

task<void> read_chunks(tls_stream& stream, std::string& got) {
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) co_return;
        got += data.text();
    }
}

task<void> read_somes(tls_stream& stream, std::string& got) {
    std::array<char, 1000> room;
    for (;;) {
        const std::size_t count = co_await stream.read_some(std::as_writable_bytes(std::span(room)));
        if (count == 0) co_return;
        got.append(room.data(), count);
    }
}

using reader = task<void> (*)(tls_stream&, std::string&);

cancel_report lose_nothing(reader read, std::size_t size) {
    const std::string text = pattern(size * pieces);
    const auto scenario = [&text, read](cancel_subject& subject) -> task<void> {
        tls_pair pair = co_await connected_tls();
        std::string got;
        auto sender = create_task(send_in_pieces(pair.client, text));
        const auto ending = co_await subject.run(read(pair.server, got));
        must_not_fail(ending);
        must(!ending.completed() || got == text, "a read that completed has read all");
        if (!ending.completed()) co_await read(pair.server, got);
        co_await sender;
        must(got == text, "nothing is lost, doubled or mixed up");
        co_await gather(pair.client.close(), pair.server.close());
    };
    return cancel_everywhere(scenario);
}

}  // namespace

TEST_CASE("TLS: read loses nothing: small messages") { check_cancelled(lose_nothing(read_chunks, 5)); }

TEST_CASE("TLS: read loses nothing: messages of several records") {
    check_cancelled(lose_nothing(read_chunks, 40'000));
}

TEST_CASE("TLS: read_some loses nothing") { check_cancelled(lose_nothing(read_somes, 5000)); }

TEST_CASE("TLS: the peer reads as much as written() tells, and then the end; what was cut short takes no more") {
    const std::string text = pattern(400'000);  // some batches
    int in_part = 0;
    const auto write_one = [](tls_stream& stream, std::string_view text) -> task<void> { co_await stream.write(text); };
    const auto scenario = [&, write_one](cancel_subject& subject) -> task<void> {
        tls_pair pair = co_await connected_tls();
        auto peer = create_task(read_all(pair.server));
        const auto ending = co_await subject.run(write_one(pair.client, text));
        must_not_fail(ending);
        const std::uint64_t written = pair.client.written();
        must(!ending.completed() || written == text.size(), "a write that completes has written all");
        const std::error_code again = co_await error_of(pair.client.write("x"));
        const bool cut_short = written != 0 && written != text.size();
        must(again == (cut_short ? make_error_code(errc::broken) : std::error_code()), "broken, if a part was written");
        in_part += cut_short;
        co_await pair.client.close();
        const std::string got = co_await peer;
        must(got == text.substr(0, written) + (cut_short ? "" : "x"), "the peer has read what was written");
        co_await pair.server.close();
    };
    check_cancelled(cancel_everywhere(scenario));
    CHECK(in_part != 0);
}

TEST_CASE("TLS: small writes happen or do not") {
    const auto write_messages = [](tls_stream& stream) -> task<void> {
        for (int i = 0; i < 3; ++i) {
            co_await yield();
            co_await stream.write("message");
        }
    };
    const auto scenario = [write_messages](cancel_subject& subject) -> task<void> {
        tls_pair pair = co_await connected_tls();
        const auto ending = co_await subject.run(write_messages(pair.client));
        must_not_fail(ending);
        const std::uint64_t written = pair.client.written();
        must(written % 7 == 0, "whole messages");
        must(!ending.completed() || written == 21, "all were sent");
        co_await pair.client.write("end");
        co_await pair.client.shutdown_write();
        const std::string got = co_await read_all(pair.server);
        must(got.size() == written + 3 && got.ends_with("messageend") == (written != 0), "the peer has read as much");
        co_await gather(pair.client.close(), pair.server.close());
    };
    check_cancelled(cancel_everywhere(scenario));
}

TEST_CASE("TLS: shutdown_write happens or does not") {
    const auto shut_down = [](tls_stream& stream) -> task<void> {
        co_await yield();
        co_await stream.shutdown_write();
    };
    const auto scenario = [shut_down](cancel_subject& subject) -> task<void> {
        tls_pair pair = co_await connected_tls();
        const auto ending = co_await subject.run(shut_down(pair.client));
        must_not_fail(ending);
        const std::error_code late = co_await error_of(pair.client.write("x"));
        must(!late || late == std::errc::broken_pipe, "it has ended, or it goes on");
        if (!late) co_await pair.client.shutdown_write();
        const std::string got = co_await read_all(pair.server);
        must(got == (late ? "" : "x"), "the peer sees the end where it is");
        co_await gather(pair.client.close(), pair.server.close());
    };
    check_outcomes(cancel_everywhere(scenario));
}

TEST_CASE("TLS: a handshake comes to its end, or its transport is closed") {
    for (const bool of_client : {true, false}) {
        const auto scenario = [of_client](cancel_subject& subject) -> task<void> {
            const tls_world& world = the_tls_world();
            stream_pair tcp = co_await connected_pair();
            auto near = of_client ? tls_stream::upgrade(std::move(tcp.client), world.client_context, quick_options)
                                  : tls_stream::accept(std::move(tcp.server), world.server_context, quick_options);
            auto far = create_task(
                of_client ? tls_stream::accept(std::move(tcp.server), world.server_context, quick_options)
                          : tls_stream::upgrade(std::move(tcp.client), world.client_context, quick_options));
            auto ending = co_await subject.run(std::move(near));
            must_not_fail(ending);
            co_await far.wait();
            if (ending.completed()) {
                tls_stream there = co_await std::move(far);
                co_await gather(ending.value().close(), there.close());
            } else if (!far.exception()) {
                tls_stream there = co_await std::move(far);
                const std::error_code code = co_await error_of(there.read());
                must(static_cast<bool>(code), "the peer learns that the other side is gone");
            }
        };
        check_cancelled(cancel_everywhere(scenario));
    }
}

TEST_CASE("TLS: close is done, whenever it is cancelled") {
    const auto close = [](tls_stream& stream) -> task<void> { co_await stream.close(); };
    const auto scenario = [close](cancel_subject& subject) -> task<void> {
        tls_pair pair = co_await connected_tls();
        co_await pair.client.write("last");
        const auto ending = co_await subject.run(close(pair.client));
        must_not_fail(ending);
        must(!pair.client.is_open(), "it is closed");
        if (!ending.destroyed()) {
            const std::string got = co_await read_all(pair.server);
            must(got == "last", "the peer has read all, and the end");
        }
        co_await pair.server.close();
    };
    check_outcomes(cancel_everywhere(scenario));
}
