#include <libasync/net/stream_operations.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>

#include <libasync/io/native_socket.hpp>
#include <libasync/net/tcp_stream.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/foreign_coroutine.hpp>
#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;
using detail::send_description;
using detail::stream_state;

namespace {

// A stream on the scripted engine: the socket is real but not connected, and the script tells what happens to it.
class scripted_stream {
public:
    explicit scripted_stream(scripted_runner& s) {
        int error = 0;
        handle_ = io::open_tcp_socket(address_family::ipv4, error);
        REQUIRE(error == 0);
        state.reset(new stream_state(s.engine.adopt(handle_, io::socket_role::stream)));
    }
    scripted_stream(const scripted_stream&) = delete;
    scripted_stream& operator=(const scripted_stream&) = delete;
    ~scripted_stream() {
        state.reset();
        io::close_socket(handle_);
    }

    send_description<1> send(std::string_view text) { return {state.get(), {const_bytes(text)}}; }

    struct release {
        void operator()(stream_state* s) const noexcept {
            s->socket.reset();
            s->release();
        }
    };
    std::unique_ptr<stream_state, release> state;

private:
    native_handle handle_ = invalid_handle;
};

task<void> send(send_description<1> what) { co_await what; }

foreign_coroutine send_in_foreign(send_description<1> what) { co_await what; }

io::send_op& pending_send(scripted_runner& s) {
    REQUIRE(s.engine.pending().size() == 1);
    REQUIRE(s.engine.pending()[0]->kind == io::op_kind::send);
    return static_cast<io::send_op&>(*s.engine.pending()[0]);
}

}  // namespace

TEST_CASE("a send names all its buffers and their sum") {
    scripted_runner s;
    scripted_stream stream(s);
    const send_description<3> description(stream.state.get(), {const_bytes("ab"), const_bytes(""), const_bytes("cde")});
    const auto op = description.make();
    CHECK(op.count == 3);
    CHECK(op.total == 5);
    CHECK(op.buffers[2].size() == 3);
}

TEST_CASE("a send that is done counts what was written") {
    scripted_runner s;
    scripted_stream stream(s);
    auto handle = s.runner.create_task(send(stream.send("hello")));
    s.turns(1);
    s.engine.finish(pending_send(s), 5);
    s.turns(1);
    CHECK(handle.done());
    CHECK(stream.state->written == 5);
    CHECK_FALSE(stream.state->broken);
}

TEST_CASE("a send that is cut short, by a cancellation or an error, poisons the stream") {
    for (const int error : {io::error_cancelled, ECONNRESET}) {
        scripted_runner s;
        s.engine.on_cancel = io::scripted_engine::cancel_policy::scripted;
        scripted_stream stream(s);
        auto handle = s.runner.create_task(send(stream.send("hello")));
        s.turns(1);
        handle.cancel();
        s.engine.finish(pending_send(s), 2, error);
        s.turns(1);
        CHECK(handle.done());
        CHECK(handle.cancelled() == (error == io::error_cancelled));
        CHECK(stream.state->written == 2);
        CHECK(stream.state->broken);
        auto next = s.runner.create_task(send(stream.send("x")));
        s.turns(1);
        CHECK(s.engine.pending().empty());
        REQUIRE(next.done());
        CHECK_THROWS_AS(next.result(), std::system_error);
        if (error == ECONNRESET) static_cast<void>(handle.exception());
    }
}

TEST_CASE("a send that is cut short before its first byte does not poison the stream") {
    scripted_runner s;
    scripted_stream stream(s);
    auto handle = s.runner.create_task(send(stream.send("hello")));
    s.turns(1);
    handle.cancel();
    s.turns(1);
    CHECK(handle.cancelled());
    CHECK(stream.state->written == 0);
    CHECK_FALSE(stream.state->broken);
}

TEST_CASE("a send whose frame is destroyed counts what was sent: while pending, and when it is done but not "
          "collected") {
    for (const bool done : {false, true}) {
        scripted_runner s;
        scripted_stream stream(s);
        std::optional<foreign_coroutine> d;
        s.loop().call_soon([&] { d.emplace(send_in_foreign(stream.send("hello"))); });
        s.turns(1);
        io::send_op& op = pending_send(s);
        if (done) {
            s.engine.finish(op, 3, ECONNRESET);
        } else {
            op.result = 3;  // what the engine has counted so far
        }
        d->destroy();
        CHECK(stream.state->written == 3);
        CHECK(stream.state->broken);
        s.turns(1);
    }
}

TEST_CASE("the state lives as long as an operation refers to it, the socket only as long as the stream") {
    scripted_runner s;
    s.engine.on_cancel = io::scripted_engine::cancel_policy::scripted;
    auto stream = std::make_unique<scripted_stream>(s);
    stream_state* state = stream->state.get();
    auto handle = s.runner.create_task(send(stream->send("hello")));
    s.turns(1);
    CHECK(state->references >= 2);
    stream.reset();
    CHECK(state->socket == nullptr);
    s.engine.finish(*s.engine.pending()[0], 0, -static_cast<int>(errc::closed));
    s.turns(1);
    REQUIRE(handle.done());
    CHECK(what_of(handle.exception()).find("closed") != std::string::npos);
}

TEST_CASE("messages tell operation and peer, as far as they are known") {
    CHECK(detail::describe_stream("read from", nullptr) == "read from a closed stream");
    scripted_runner s;
    scripted_stream stream(s);
    CHECK(detail::describe_stream("read from", stream.state.get()) == "read from a stream that is not connected");
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        const std::string peer = pair.server.local_endpoint().to_string();
        std::string message;
        auto first = create_task([](tcp_stream& stream) -> task<void> { co_await stream.read(); }(pair.client));
        co_await yield();
        message = co_await message_of(pair.client.read());
        CHECK(message.find("read from " + peer) == 0);
        first.cancel();
        co_await first.wait();
    }());
}
