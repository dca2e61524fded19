#include "engine_harness.hpp"

using namespace engine_tests;

TEST_CASE("a receive that is cancelled before anything arrived loses nothing") {
    for_each_engine([](driver& d) {
        auto [client, server] = d.connected();
        char byte = 0;
        receive_op op(server.get(), &byte, 1);
        CHECK_FALSE(d.start(op));
        d.settle();
        d->cancel(op);
        d->cancel(op);
        CHECK(d.wait_for(op));
        CHECK(op.code() == std::errc::operation_canceled);
        CHECK(!d.send(*client, "kept"));
        CHECK(d.receive_exactly(*server, 4) == "kept");

        receive_chunk_op chunk_op(server.get());
        CHECK_FALSE(d.start(chunk_op));
        d->cancel(chunk_op);
        CHECK(d.wait_for(chunk_op));
        CHECK(chunk_op.code() == std::errc::operation_canceled);
        CHECK(!d.send(*client, "kept too"));
        CHECK(d.receive_chunks_exactly(*server, 8) == "kept too");
    });
}

TEST_CASE("a byte that meets a cancel is delivered, now or later") {
    for_each_engine([](driver& d) {
        auto [client, server] = d.connected();
        std::string expected, got;
        for (int i = 0; i < 200; ++i) {
            char buffer[8];
            receive_op op(server.get(), buffer, sizeof buffer);
            receive_chunk_op chunk_op(server.get());
            operation& either = i % 2 == 0 ? static_cast<operation&>(op) : chunk_op;
            d.start(either);
            if (i % 3 != 0) d->visit(time_point::min());
            const std::string text(1, static_cast<char>('a' + i % 26));
            expected += text;
            CHECK(!d.send(*client, text));
            if (i % 4 < 2) d->visit(d->clock() + 1ms);  // collected, not yet run
            if (either.state == op_state::pending) d->cancel(either);
            CHECK(d.wait_for(either));
            if (!either.code()) {
                got += i % 2 == 0 ? std::string_view(buffer, static_cast<std::size_t>(op.result))
                                  : chunk_op.received.text();
            } else {
                CHECK(either.code() == std::errc::operation_canceled);
            }
        }
        while (got.size() < expected.size()) got += d.receive_chunk(*server).text();
        CHECK(got == expected);
    });
}

TEST_CASE("a cancelled accept leaves the connection to the next") {
    for_each_engine([](driver& d) {
        endpoint where = endpoint::loopback(0);
        socket_ptr listener = d.listen(where);
        for (int i = 0; i < 10; ++i) {
            accept_op op(listener.get());
            CHECK_FALSE(d.start(op));
            d.settle();
            socket_ptr client;
            if (i % 2 == 0) {
                d->cancel(op);
                CHECK(d.wait_for(op));
                CHECK(op.code() == std::errc::operation_canceled);
                client = d.connect(where);
            } else {
                client = d.open();
                connect_op connect(client.get(), where);
                d.start(connect);
                d->visit(d->clock() + 5ms);
                if (op.state == op_state::pending) d->cancel(op);
                CHECK(d.wait_for(connect));
                CHECK(d.wait_for(op));
            }
            socket_ptr server = op.accepted ? std::move(op.accepted) : d.accept(*listener);
            CHECK(!d.send(*client, "hello"));
            CHECK(d.receive_exactly(*server, 5) == "hello");
        }
    });
}

TEST_CASE("a cancelled send counts what left") {
    for_each_engine([](driver& d) {
        auto [client, server] = d.connected();
        const std::string text(32 << 20, 'x');
        const_bytes bytes = text;
        send_op op(client.get(), &bytes, 1);
        CHECK_FALSE(d.start(op));
        d.settle();
        d->cancel(op);
        CHECK(d.wait_for(op));
        CHECK(op.code() == std::errc::operation_canceled);
        CHECK(op.result < static_cast<std::int64_t>(text.size()));
        close_op close(client.get());
        CHECK(!d.run(close));
        std::int64_t received = 0;
        for (chunk c = d.receive_chunk(*server); !c.empty(); c = d.receive_chunk(*server))
            received += static_cast<std::int64_t>(c.size());
        CHECK(received == op.result);
    });
}

TEST_CASE("a cancelled connect ends") {
    for_each_engine([](driver& d) {
        endpoint where = endpoint::loopback(0);
        socket_ptr listener = d.listen(where);
        for (int i = 0; i < 20; ++i) {
            socket_ptr s = d.open();
            connect_op op(s.get(), where);
            if (!d.start(op)) {
                if (i % 2 == 0) d->visit(time_point::min());
                if (op.state == op_state::pending) d->cancel(op);
            }
            CHECK(d.wait_for(op));
            if (op.error != 0) CHECK(op.code() == std::errc::operation_canceled);
        }
        // An address of nobody: usually nothing ever answers.
        socket_ptr s = d.open();
        connect_op op(s.get(), endpoint("198.51.100.1", 9));
        if (!d.start(op)) {
            d.settle();
            if (op.state == op_state::pending) d->cancel(op);
        }
        CHECK(d.wait_for(op));
    });
}

TEST_CASE("cancel_and_wait gives the memory back at once") {
    for_each_engine([](driver& d) {
        auto [client, server] = d.connected();
        endpoint where = endpoint::loopback(0);
        socket_ptr listener = d.listen(where);
        const std::string text(32 << 20, 'x');
        for (int i = 0; i < 20; ++i) {
            auto buffer = std::make_unique<char[]>(64);
            auto receive = std::make_unique<receive_op>(server.get(), buffer.get(), 64);
            auto accept = std::make_unique<accept_op>(listener.get());
            d.start(*receive);
            d.start(*accept);
            if (i % 2 == 0) d->visit(time_point::min());
            d->cancel_and_wait(*receive);  // which may be done by now, and stand in the ready queue
            d->cancel_and_wait(*accept);
            CHECK_FALSE(receive->linked());
            CHECK_FALSE(accept->linked());
            receive.reset();
            accept.reset();
            buffer.reset();

            auto chunk_op = std::make_unique<receive_chunk_op>(server.get());
            d.start(*chunk_op);
            d->cancel_and_wait(*chunk_op);
            chunk_op.reset();

            socket_ptr s = d.open();
            auto connect = std::make_unique<connect_op>(s.get(), where);
            d.start(*connect);
            d->cancel_and_wait(*connect);
            connect.reset();
        }
        const_bytes bytes = text;
        auto send = std::make_unique<send_op>(client.get(), &bytes, 1);
        d.start(*send);
        d->visit(time_point::min());
        d->cancel_and_wait(*send);
        CHECK_FALSE(send->linked());
        send.reset();
        d.settle();
    });
}

TEST_CASE("cancel_and_wait takes an operation out of the ready queue") {
    for_each_engine([](driver& d) {
        auto [client, server] = d.connected();
        receive_chunk_op reader(server.get());
        CHECK_FALSE(d.start(reader));
        CHECK(async_tests::send_now(d.get(), client->handle, "here").bytes == 4);
        for (int i = 0; i < 100 && !reader.linked(); ++i) d->visit(d->clock() + 5ms);
        REQUIRE(reader.linked());
        d->cancel_and_wait(reader);
        CHECK_FALSE(reader.linked());
        const std::string text(reader.received.text());
        CHECK(text + d.receive_exactly(*server, 4 - text.size()) == "here");
    });
}
