// Reading: provided buffers, their bounds, and the change between the two ways to read.
#include "uring_harness.hpp"

#include <algorithm>
#include <sys/ioctl.h>
#include <thread>

using namespace uring_test;

TEST_CASE("data that came before the read is delivered in place") {
    test_driver driver;
    if (!driver) return;
    pair p(*driver);
    p.feed("first");
    CHECK(read_text(driver, *p.stream) == "first");
    p.feed("second");
    driver.settle();
    receive_chunk_op op(p.stream.get());
    CHECK(driver->start(op));
    CHECK(op.received.text() == "second");
    CHECK(op.result == 6);
}

TEST_CASE("the end comes after the data, and comes again") {
    for (const std::string& features : {""s, "buffer_ring"s, "multishot_receive"s, "multishot_poll"s}) {
        CAPTURE(features);
        const disabled without(features.c_str());
        test_driver driver;
        if (!driver) return;
        pair p(*driver);
        p.feed("last words");
        p.hang_up();
        CHECK(read_text(driver, *p.stream) == "last words");
        CHECK(read_text(driver, *p.stream).empty());
        CHECK(read_text(driver, *p.stream).empty());
        char text[4];
        receive_op some(p.stream.get(), text, sizeof text);
        REQUIRE(driver.run(some));
        CHECK(some.result == 0);
    }
}

TEST_CASE("a cancelled read loses nothing") {
    for (const std::string& features : {""s, "buffer_ring"s, "multishot_receive"s, "defer_taskrun"s}) {
        CAPTURE(features);
        const disabled without(features.c_str());
        test_driver driver;
        if (!driver) return;
        pair p(*driver);
        std::string sent;
        std::string got;
        for (int i = 0; i < 300; ++i) {
            receive_chunk_op op(p.stream.get());
            const bool in_place = driver->start(op);
            if (i % 3 == 0) driver.turn();
            sent += std::to_string(i);
            p.feed(std::to_string(i));
            if (i % 2 == 0) driver.turn();
            if (!in_place && i % 5 == 0) {
                driver->cancel_and_wait(op);
                CHECK_FALSE(op.linked());
            } else if (!in_place) {
                driver->cancel(op);
                REQUIRE(driver.finish(op));
                CHECK((op.error == 0 || op.error == error_cancelled));
            }
            got += op.received.text();
        }
        got += read_exactly(driver, *p.stream, sent.size() - got.size());
        CHECK(got == sent);
    }
}

TEST_CASE("read_some takes from queued buffers, then from the socket") {
    test_driver driver;
    if (!driver) return;
    pair p(*driver);
    p.feed("a");
    CHECK(read_text(driver, *p.stream) == "a");
    const std::string text = pattern(10'000);
    p.feed(text.substr(0, 6000));
    p.feed(text.substr(6000));
    driver.settle();
    std::string got;
    while (got.size() < text.size()) {
        char some[777];
        receive_op op(p.stream.get(), some, sizeof some);
        REQUIRE(driver.run(op));
        REQUIRE(op.result > 0);
        got.append(some, std::size_t(op.result));
        if (got.size() == 777) got += read_text(driver, *p.stream);  // the rest of that buffer
    }
    CHECK(got == text);
}

TEST_CASE("read_some leaves the caller's memory alone until there is data") {
    test_driver driver;
    if (!driver) return;
    pair p(*driver);
    std::string memory(100, '.');
    {
        receive_op op(p.stream.get(), memory.data(), memory.size());
        REQUIRE_FALSE(driver->start(op));
        driver.settle();
        driver->cancel_and_wait(op);
    }
    p.feed("late");
    driver.settle();
    CHECK(memory == std::string(100, '.'));
    CHECK(read_text(driver, *p.stream) == "late");
}

TEST_CASE("a second reader is refused") {
    test_driver driver;
    if (!driver) return;
    pair p(*driver);
    receive_chunk_op first(p.stream.get());
    receive_chunk_op second(p.stream.get());
    REQUIRE_FALSE(driver->start(first));
    CHECK(driver->start(second));
    CHECK(second.code() == async::errc::busy);
    p.feed("x");
    REQUIRE(driver.finish(first));
}

TEST_CASE("a reader that is slow does not make the engine read ahead without end") {
    test_driver driver({.receive_buffers = 64, .receive_buffer_size = 1024});
    if (!driver) return;
    pair p(*driver);
    p.feed("x");
    CHECK(read_text(driver, *p.stream) == "x");
    std::string sent;
    for (int i = 0; i < 100; ++i) {
        p.feed(pattern(100, unsigned(i)));
        sent += pattern(100, unsigned(i));
        driver.turn();
    }
    driver.settle();
    CHECK(driver->statistics().buffers_exhausted == 0);
    int unread = 0;
    std::string more = read_exactly(driver, *p.stream, sent.size());
    CHECK(more == sent);
    CHECK(unread == 0);
    p.feed("and on");
    CHECK(read_text(driver, *p.stream) == "and on");
}

TEST_CASE("a thousand streams make the buffers grow") {
    const descriptor_limit limit(5000);
    test_driver driver({.receive_buffers = 8});
    if (!driver) return;
    std::vector<pair> pairs;
    std::vector<std::unique_ptr<receive_chunk_op>> ops;
    for (int i = 0; i < 1000; ++i) {
        pairs.emplace_back(*driver);
        ops.push_back(std::make_unique<receive_chunk_op>(pairs.back().stream.get()));
        driver->start(*ops.back());
    }
    driver.settle();
    for (int i = 0; i < 1000; ++i) pairs[std::size_t(i)].feed(std::to_string(i));
    for (int i = 0; i < 1000; ++i) {
        REQUIRE(driver.finish(*ops[std::size_t(i)]));
        REQUIRE(ops[std::size_t(i)]->received.text() == std::to_string(i));
    }
    CHECK(driver->statistics().buffers_exhausted > 0);
    ops.clear();
    const auto exhausted = driver->statistics().buffers_exhausted;
    for (int round = 0; round < 3; ++round) {
        for (auto& p : pairs) p.feed("again");
        for (auto& p : pairs) REQUIRE(read_text(driver, *p.stream) == "again");
    }
    CHECK(driver->statistics().buffers_exhausted < exhausted + 1000);
}

TEST_CASE("streams go on when the buffers cannot grow") {
    const descriptor_limit limit(5000);
    test_driver driver({.receive_buffers = 8192, .receive_buffer_size = 64});
    if (!driver) return;
    std::vector<pair> pairs;
    for (int i = 0; i < 700; ++i) {
        pairs.emplace_back(*driver);
        pairs.back().feed("begin");
        REQUIRE(read_text(driver, *pairs.back().stream) == "begin");
    }
    std::string text;
    for (int i = 0; i < 30; ++i) {
        text += std::to_string(i) + ' ';
        for (auto& p : pairs) p.feed(std::to_string(i) + ' ');
        driver.settle();
    }
    for (auto& p : pairs) REQUIRE(read_exactly(driver, *p.stream, text.size()) == text);
    CHECK(driver->statistics().buffers_exhausted > 0);
}

TEST_CASE("the buffers of what nobody has read come back when their stream is closed") {
    test_driver driver({.receive_buffers = 8});
    if (!driver) return;
    for (int i = 0; i < 50; ++i) {
        pair p(*driver);
        p.feed("read");
        REQUIRE(read_text(driver, *p.stream) == "read");
        p.feed("not read");
        driver.settle();
    }
    CHECK(driver->statistics().buffers_exhausted == 0);
}

TEST_CASE("chunks that are kept do not drain the buffers") {
    test_driver driver({.receive_buffers = 64});
    if (!driver) return;
    pair hoarder(*driver);
    pair other(*driver);
    std::vector<chunk> kept;
    for (int i = 0; i < 500; ++i) {
        hoarder.feed(std::to_string(i));
        receive_chunk_op op(hoarder.stream.get());
        REQUIRE(driver.run(op));
        kept.push_back(std::move(op.received));
    }
    CHECK(driver->statistics().buffers_exhausted == 0);
    for (int i = 0; i < 500; ++i) CHECK(kept[std::size_t(i)].text() == std::to_string(i));
    other.feed("fine");
    CHECK(read_text(driver, *other.stream) == "fine");
}

TEST_CASE("chunks may be given up after their stream, and on other threads") {
    test_driver driver;
    if (!driver) return;
    std::vector<chunk> kept;
    for (int i = 0; i < 50; ++i) {
        pair p(*driver);
        p.feed(std::to_string(i));
        receive_chunk_op op(p.stream.get());
        REQUIRE(driver.run(op));
        kept.push_back(std::move(op.received));
    }
    driver.settle();
    std::thread([&] { kept.erase(kept.begin(), kept.begin() + 25); }).join();
    driver.turn();
    for (int i = 0; i < 25; ++i) CHECK(kept[std::size_t(i)].text() == std::to_string(i + 25));
}

namespace {

// An echo of the peer's bytes that is read chunk by chunk; returns the largest chunk.
std::size_t stream_through(test_driver& driver, pair& p, std::size_t message, int count) {
    std::size_t largest = 0;
    for (int i = 0; i < count; ++i) {
        const std::string text = pattern(message, unsigned(i));
        p.feed(text);
        std::string got;
        while (got.size() < message) {
            const std::string piece = read_text(driver, *p.stream);
            REQUIRE_FALSE(piece.empty());
            largest = std::max(largest, piece.size());
            got += piece;
        }
        REQUIRE(got == text);
    }
    return largest;
}

// Small messages on many streams at once, of which one is `p`: the visits are crowded.
void crowd_through(test_driver& driver, pair& p, int rounds) {
    std::vector<pair> others;
    for (int i = 0; i < 20; ++i) others.emplace_back(*driver);
    for (pair& other : others) other.feed("first");
    for (pair& other : others) CHECK(read_text(driver, *other.stream) == "first");
    for (int round = 0; round < rounds; ++round) {
        for (pair& other : others) other.feed("x");
        p.feed("y");
        driver.turn();
        CHECK(read_text(driver, *p.stream) == "y");
        for (pair& other : others) CHECK(read_text(driver, *other.stream) == "x");
    }
}

}  // namespace

TEST_CASE("large messages are read whole, and small ones from provided buffers again") {
    for (const std::string& features : {""s, "multishot_poll"s, "multishot_receive"s, "defer_taskrun"s}) {
        CAPTURE(features);
        const disabled without(features.c_str());
        test_driver driver;
        if (!driver) return;
        pair p(*driver);
        CHECK(stream_through(driver, p, 100, 10) == 100);
        stream_through(driver, p, 16 * 1024, 5);
        CHECK(stream_through(driver, p, 16 * 1024, 20) == 16 * 1024);
        crowd_through(driver, p, 100);
        p.feed("ahead");
        driver.settle();
        receive_chunk_op op(p.stream.get());
        int unread = -1;
        REQUIRE(::ioctl(int(p.stream->handle), FIONREAD, &unread) == 0);
        CHECK((unread == 0) == (features != "multishot_receive"));  // a poll would have left it to the reader
        driver->start(op);
        REQUIRE(driver.finish(op));
        CHECK(op.received.text() == "ahead");
        CHECK(stream_through(driver, p, 3000, 20) == 3000);
        stream_through(driver, p, 64 * 1024, 20);
    }
}

TEST_CASE("a peer that writes while nobody reads wakes the loop only for a while") {
    for (const std::string& features : {""s, "buffer_ring"s}) {
        CAPTURE(features);
        const disabled without(features.c_str());
        test_driver driver;
        if (!driver) return;
        pair p(*driver);
        stream_through(driver, p, 16 * 1024, 5);
        driver.settle();
        const auto before = driver->statistics().completions;
        std::string sent;
        for (int i = 0; i < 100; ++i) {
            sent += std::to_string(i);
            p.feed(std::to_string(i));
            driver.settle();
        }
        CHECK(driver->statistics().completions - before < 30);
        CHECK(read_exactly(driver, *p.stream, sent.size()) == sent);
        p.feed("more");
        CHECK(read_text(driver, *p.stream) == "more");
    }
}

TEST_CASE("a peer that writes without pause and then closes is read to its end") {
    for (const std::string& features :
         {""s, "multishot_poll"s, "multishot_receive"s, "buffer_ring"s, "defer_taskrun"s}) {
        CAPTURE(features);
        const disabled without(features.c_str());
        test_driver driver;
        if (!driver) return;
        pair p(*driver);
        const std::string text = pattern(20 << 20);
        std::thread writer([&] {
            for (std::size_t at = 0, step = 1; at < text.size(); at += step, step = step * 3 % 100'003 + 1)
                p.feed(text.substr(at, step));
            p.hang_up();
        });
        std::string got;
        for (int i = 0;; ++i) {
            receive_chunk_op op(p.stream.get());
            if (!driver->start(op) && i % 7 == 0) driver->cancel(op);
            REQUIRE(driver.finish(op));
            if (op.error == 0 && op.received.empty()) break;
            got += op.received.text();
            if (i % 11 != 0) continue;
            char some[500];
            receive_op direct(p.stream.get(), some, sizeof some);
            REQUIRE(driver.run(direct));
            got.append(some, std::size_t(direct.result));
        }
        writer.join();
        CHECK(got.size() == text.size());
        CHECK((got == text));
    }
}

TEST_CASE("a burst of more buffers than one receive takes is stopped, and closed") {
    test_driver driver;
    if (!driver) return;
    for (int round = 0; round < 20; ++round) {
        pair p(*driver);
        const int size = 4 << 20;
        ::setsockopt(p.peer, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        const std::string text = pattern(200'000);
        p.feed(text);
        receive_chunk_op op(p.stream.get());
        driver->start(op);
        for (int i = 0; i < round % 4; ++i) driver.turn();
        if (round % 2 == 0) {
            close_op close(p.stream.get());
            REQUIRE(driver.run(close));
            REQUIRE(driver.finish(op));
            CHECK((op.error == 0 || op.code() == async::errc::closed));
        } else {
            REQUIRE(driver.finish(op));
            std::string got(op.received.text());
            got += read_exactly(driver, *p.stream, text.size() - got.size());
            CHECK((got == text));
        }
    }
}
