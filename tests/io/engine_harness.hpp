// Drives an engine without a loop: operations stand on the stack, and `until` plays the loop's turns, for a
// bounded time.
#pragma once

#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <libasync/io/engine.hpp>
#include <libasync/io/native_socket.hpp>
#include <tests/support/system.hpp>

namespace engine_tests {

using namespace async;
using namespace async::io;
using namespace std::chrono_literals;

struct socket_pair {
    socket_ptr client;
    socket_ptr server;
};

class driver {
public:
    explicit driver(std::unique_ptr<engine> e) : engine_(std::move(e)) {}
    ~driver() { destroy(); }

    engine* operator->() const { return engine_.get(); }
    engine& get() const { return *engine_; }

    void destroy() {
        if (!engine_) return;
        engine_->close_posts();
        run_ready();
        engine_->shut_down();
        engine_.reset();
    }

    // Until the condition holds; false if it does not in good time.
    bool until(const std::function<bool()>& condition, std::chrono::milliseconds patience = 20s) {
        const time_point end = engine_->clock() + patience;
        run_ready();
        while (!condition()) {
            if (engine_->clock() >= end) return false;
            turn(end);
        }
        return true;
    }

    void turn(time_point deadline = time_point::min()) {
        engine_->visit(deadline);
        run_ready();
    }

    // Turns in which something that is under way can happen. Simulated time does not pass work that is not done.
    void settle() {
        if (async_tests::simulated(*engine_)) {
            for (int i = 0; i < 100; ++i) turn();
        } else {
            until([] { return false; }, 30ms);
        }
    }

    bool finished(const operation& op) const { return op.state == op_state::done && !op.linked(); }

    // Begins it; true if it was done in place.
    bool start(operation& op) {
        const bool done = engine_->start(op);
        CHECK(op.state == (done ? op_state::done : op_state::pending));
        return done;
    }

    bool wait_for(operation& op) {
        return until([&] { return finished(op); });
    }

    std::error_code run(operation& op) {
        start(op);
        REQUIRE(wait_for(op));
        return op.code();
    }

    socket_ptr listen(endpoint& where) {
        int error = 0;
        const native_handle handle = engine_->calls().open_tcp_socket(where.family(), error);
        REQUIRE(error == 0);
        REQUIRE(engine_->calls().bind_socket(handle, where) == 0);
        REQUIRE(engine_->calls().listen_socket(handle, 16) == 0);
        REQUIRE(engine_->calls().local_endpoint(handle, where) == 0);
        return engine_->adopt(handle, socket_role::listener);
    }

    socket_ptr open() {
        int error = 0;
        const native_handle handle = engine_->calls().open_tcp_socket(address_family::ipv4, error);
        REQUIRE(error == 0);
        return engine_->adopt(handle, socket_role::stream);
    }

    socket_ptr accept(io::socket& listener) {
        accept_op op(&listener);
        REQUIRE(!run(op));
        REQUIRE(op.accepted);
        return std::move(op.accepted);
    }

    socket_ptr connect(const endpoint& to) {
        socket_ptr s = open();
        connect_op op(s.get(), to);
        REQUIRE(!run(op));
        return s;
    }

    socket_pair connected() {
        endpoint where = endpoint::loopback(0);
        socket_ptr listener = listen(where);
        socket_ptr client = connect(where);
        socket_ptr server = accept(*listener);
        return {std::move(client), std::move(server)};
    }

    std::error_code send(io::socket& s, std::string_view text) {
        const_bytes bytes = text;
        send_op op(&s, &bytes, 1);
        const std::error_code error = run(op);
        if (!error) CHECK(op.result == static_cast<std::int64_t>(text.size()));
        return error;
    }

    std::string receive(io::socket& s, std::size_t size = 4096) {
        std::string text(size, '\0');
        receive_op op(&s, text.data(), size);
        REQUIRE(!run(op));
        text.resize(static_cast<std::size_t>(op.result));
        return text;
    }

    std::string receive_exactly(io::socket& s, std::size_t size) {
        std::string text;
        while (text.size() < size) {
            const std::string part = receive(s, size - text.size());
            if (part.empty()) break;
            text += part;
        }
        return text;
    }

    chunk receive_chunk(io::socket& s) {
        receive_chunk_op op(&s);
        REQUIRE(!run(op));
        return std::move(op.received);
    }

    std::string receive_chunks_exactly(io::socket& s, std::size_t size) {
        std::string text;
        while (text.size() < size) {
            const chunk part = receive_chunk(s);
            if (part.empty()) break;
            text += part.text();
        }
        return text;
    }

private:
    void run_ready() {
        detail::ready_list ready;
        ready.splice_back(engine_->completed);
        while (!ready.empty()) {
            detail::ready_node* node = ready.pop_front();
            if (node->run) node->run(node);
        }
    }

    std::unique_ptr<engine> engine_;
};

inline std::string_view environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

// The engines that this run is about: all, unless the environment names one.
inline std::vector<std::string> engine_names() {
    if (const auto only = environment("LIBASYNC_TEST_ENGINE"); !only.empty()) return {std::string(only)};
    return {"uring", "asio", "sim"};
}

inline std::unique_ptr<engine> make_engine(const std::string& name, std::string& why, const engine_settings& settings) {
    if (name == "sim") return make_sim_engine(std::make_shared<io::sim::world>(0), settings, 5s);
    return name == "uring" ? make_uring_engine(settings, why) : make_asio_engine(settings, why);
}

// Runs `body` once for each engine.
inline void for_each_engine(const std::function<void(driver&)>& body, const engine_settings& settings = {}) {
    for (const std::string& name : engine_names()) {
        CAPTURE(name);
        std::string why;
        std::unique_ptr<engine> e = make_engine(name, why, settings);
        if (!e && environment("LIBASYNC_ENGINE") == name) FAIL("no " << name << ": " << why);
        if (!e) {
            MESSAGE("skipped: no " << name << ": " << why);
            continue;
        }
        CHECK(e->name() == name);
        driver d(std::move(e));
        body(d);
    }
}

}  // namespace engine_tests
