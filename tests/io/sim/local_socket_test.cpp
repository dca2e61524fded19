#include <libasync/io/sim/local_socket.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <string>

#include <libasync/io/sim/world.hpp>

using namespace async;
using namespace async::io;
using namespace async::io::sim;

namespace {

transfer_result send(stream_object& s, const std::string& text) {
    const const_bytes bytes = text;
    return s.stream()->send(s.stream_side(), &bytes, 1);
}

std::string receive(stream_object& s) {
    char buffer[1000];
    const transfer_result r = s.stream()->receive(s.stream_side(), buffer, sizeof buffer);
    if (r.error != 0) return "error " + std::to_string(r.error);
    return std::string(buffer, r.bytes);
}

std::string error(int value) { return "error " + std::to_string(value); }

}  // namespace

TEST_CASE("a pair: what is written is there at once, both ways; then the end, and EPIPE") {
    world w(1);
    const local_pair p = make_local_pair(w);
    CHECK(send(*p.a, "there").bytes == 5);
    CHECK(receive(*p.b) == "there");
    CHECK(send(*p.b, "back").bytes == 4);
    CHECK(receive(*p.a) == "back");
    CHECK(receive(*p.a) == error(EAGAIN));
    p.b->closed();
    CHECK(receive(*p.a).empty());
    CHECK(send(*p.a, "x").error == EPIPE);
}

TEST_CASE("a pair that is closed with bytes unread resets its peer") {
    world w(1);
    const local_pair p = make_local_pair(w);
    send(*p.a, "unread");
    p.b->closed();
    CHECK(receive(*p.a) == error(ECONNRESET));
}

TEST_CASE("a pipe goes one way, holds 64 KiB, and its writer learns that nobody reads") {
    world w(1);
    const local_pair p = make_pipe(w);
    CHECK(send(*p.b, std::string(100'000, 'x')).bytes == 65'536);
    CHECK(send(*p.b, "x").error == EAGAIN);
    CHECK_FALSE(p.b->stream()->writable(p.b->stream_side()));
    CHECK(receive(*p.a).size() == 1000);
    CHECK(send(*p.b, std::string(2000, 'x')).bytes == 1000);
    CHECK(send(*p.a, "x").error == EPIPE);
    p.a->closed();
    CHECK(send(*p.b, "x").error == EPIPE);
}

TEST_CASE("the reader of a pipe gets what was written before the writer closed, then the end") {
    world w(1);
    const local_pair p = make_pipe(w);
    send(*p.b, "last words");
    p.b->closed();
    CHECK(receive(*p.a) == "last words");
    CHECK(receive(*p.a).empty());
}

TEST_CASE("names: who listens is found, once; an abstract name goes with its owner, a path stays") {
    world w(1);
    const std::string abstract("\0bus", 4);
    for (const std::string& name : {std::string("/run/server"), abstract}) {
        auto server = std::make_shared<local_socket>(w);
        CHECK(server->bind(name) == 0);
        auto client = std::make_shared<local_socket>(w);
        CHECK(client->connect_to(name) == ECONNREFUSED);
        CHECK(server->listen(0) == 0);
        CHECK(std::make_shared<local_socket>(w)->bind(name) == EADDRINUSE);
        CHECK(client->connect_to(name) == 0);
        CHECK(client->connect_to(name) == EISCONN);
        CHECK(std::make_shared<local_socket>(w)->connect_to(name) == EAGAIN);
        int failed = 0;
        const std::shared_ptr<stream_object> accepted = server->accept(failed);
        REQUIRE(accepted);
        send(*client, "hello");
        CHECK(receive(*accepted) == "hello");
        CHECK(server->accept(failed) == nullptr);
        CHECK(failed == EAGAIN);
        server->closed();
        server.reset();
        CHECK(std::make_shared<local_socket>(w)->connect_to(name) == ECONNREFUSED);
        const int again = std::make_shared<local_socket>(w)->bind(name);
        CHECK(again == (name == abstract ? 0 : EADDRINUSE));
    }
    CHECK(w.local.remove("/run/server"));
    CHECK(std::make_shared<local_socket>(w)->bind("/run/server") == 0);
}

TEST_CASE("a listener that closes resets those whom nobody accepted") {
    world w(1);
    auto server = std::make_shared<local_socket>(w);
    REQUIRE(server->bind("/x") == 0);
    REQUIRE(server->listen(5) == 0);
    auto client = std::make_shared<local_socket>(w);
    CHECK(client->connect_to("/x") == 0);
    server->closed();
    CHECK(receive(*client) == error(ECONNRESET));
}
