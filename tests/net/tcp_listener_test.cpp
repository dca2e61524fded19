#include <libasync/net/tcp_listener.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <set>
#include <vector>

#include <libasync/io/sim/world.hpp>
#include <libasync/sim/simulation.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>

#ifndef _WIN32
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>
#endif

using namespace async_tests;

namespace {

task<tcp_stream> accept_one(tcp_listener& listener) { co_return co_await listener.accept(); }

}  // namespace

TEST_CASE("port 0 lets the system choose, and local_endpoint tells which") {
    async::run([]() -> task<void> {
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
        CHECK(listener.is_open());
        CHECK(listener.local_endpoint().port() != 0);
        CHECK(listener.local_endpoint().address() == "127.0.0.1");
        co_await listener.close();
        CHECK_FALSE(listener.is_open());
        CHECK_THROWS_AS(listener.local_endpoint(), std::system_error);
        co_await listener.close();
    }());
}

TEST_CASE("a listener is made on a thread that runs a loop") {
    std::error_code code;
    try {
        tcp_listener::bind(endpoint::loopback(0));
    } catch (const std::system_error& e) {
        code = e.code();
    }
    CHECK(code == errc::no_loop);
}

TEST_CASE("a port in use is an error that names the address, and leaks nothing") {
    const int before = open_descriptors();
    async::run([]() -> task<void> {
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
        const endpoint where = listener.local_endpoint();
        std::error_code code;
        std::string message;
        try {
            tcp_listener::bind(where);
        } catch (const std::system_error& e) {
            code = e.code();
            message = e.what();
        }
        CHECK(code == std::errc::address_in_use);
        CHECK(message.find(where.to_string()) != std::string::npos);
        co_await listener.close();
        tcp_listener again = tcp_listener::bind(where);
        CHECK(again.local_endpoint() == where);
    }());
    CHECK(open_descriptors() == before);
}

TEST_CASE("an address that is not this machine's cannot be listened on") {
    async::run([]() -> task<void> {
        std::error_code code;
        try {
            tcp_listener::bind(endpoint("192.0.2.1", 0));
        } catch (const std::system_error& e) {
            code = e.code();
        }
        CHECK(code == std::errc::address_not_available);
        co_return;
    }());
}

TEST_CASE("connections are accepted whether they came before or after the accept") {
    async::run([]() -> task<void> {
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
        std::vector<tcp_stream> clients;
        for (int i = 0; i < 5; ++i) clients.push_back(co_await connect(listener.local_endpoint()));
        std::set<std::uint16_t> accepted;
        std::vector<tcp_stream> servers;
        for (int i = 0; i < 5; ++i) {
            servers.push_back(co_await listener.accept());
            accepted.insert(servers.back().remote_endpoint().port());
        }
        for (const tcp_stream& client : clients) CHECK(accepted.count(client.local_endpoint().port()) == 1);

        auto acceptor = create_task(accept_one(listener));
        co_await yield();
        CHECK_FALSE(acceptor.done());
        tcp_stream late = co_await connect(listener.local_endpoint());
        tcp_stream server = co_await acceptor;
        CHECK(server.remote_endpoint() == late.local_endpoint());
    }());
}

TEST_CASE("an accept that is cancelled loses no connection: the next accept has it") {
    const int before = open_descriptors();
    async::run([]() -> task<void> {
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
        int cut_short = 0;
        for (int i = 0; i < 60; ++i) {
            auto client = create_task(connect(listener.local_endpoint()));
            std::optional<tcp_stream> server;
            for (auto patience = std::chrono::microseconds(i % 20); !server; patience += 5us) {
                server = co_await move_on_after(patience, listener.accept());
                cut_short += !server;
            }
            const tcp_stream stream = co_await client;
            CHECK(server->remote_endpoint() == stream.local_endpoint());
        }
        CHECK(cut_short > 0);
    }());
    CHECK(open_descriptors() == before);
}

TEST_CASE("an accept that is pending when the listener is closed or destroyed ends with errc::closed") {
    async::run([]() -> task<void> {
        for (const bool destroy : {false, true}) {
            auto listener = std::make_unique<tcp_listener>(tcp_listener::bind(endpoint::loopback(0)));
            auto acceptor = create_task(accept_one(*listener));
            co_await sleep(1ms);
            if (destroy) {
                listener.reset();
            } else {
                co_await listener->close();
            }
            const std::error_code code = co_await error_of(std::move(acceptor));
            CHECK(code == errc::closed);
        }
        tcp_listener never_open;
        const std::error_code code = co_await error_of(never_open.accept());
        CHECK(code == errc::closed);
    }());
}

TEST_CASE("connections that nobody has accepted are reset with the listener") {
    const int before = open_descriptors();
    async::run([]() -> task<void> {
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
        tcp_stream first = co_await connect(listener.local_endpoint());
        const tcp_stream served = co_await listener.accept();
        std::vector<tcp_stream> waiting;
        for (int i = 0; i < 5; ++i) waiting.push_back(co_await connect(listener.local_endpoint()));
        co_await sleep(1ms);
        co_await listener.close();
        for (tcp_stream& stream : waiting) {
            const std::error_code code = co_await error_of(stream.read());
#ifdef _WIN32  // Wine tells of a reset only who waited for it, and others of a mere end
            CHECK((!code || code == std::errc::connection_reset));
#else
            CHECK(code == std::errc::connection_reset);
#endif
        }
    }());
    CHECK(open_descriptors() == before);
}

TEST_CASE("accepted connections have the listener's options") {
    async::run([]() -> task<void> {
        tcp_listener listener =
            tcp_listener::bind(endpoint::loopback(0), {.connection = {.no_delay = false, .keep_alive = true}});
        const tcp_stream client = co_await connect(listener.local_endpoint());
        const tcp_stream server = co_await listener.accept();
        int value = 0;
        CHECK(this_engine().calls().get_option(server.handle(), io::socket_option::no_delay, value) == 0);
        CHECK(value == 0);
        CHECK(this_engine().calls().get_option(server.handle(), io::socket_option::keep_alive, value) == 0);
        CHECK(value != 0);
        CHECK(this_engine().calls().get_option(client.handle(), io::socket_option::no_delay, value) == 0);
        CHECK(value != 0);
    }());
}

TEST_CASE("a dual-stack listener takes IPv4 connections too; an IPv6 one by default does not") {
    async::run([]() -> task<void> {
        for (const bool dual : {true, false}) {
            tcp_listener listener;
            try {
                listener = tcp_listener::bind(endpoint::any(0, address_family::ipv6), {.dual_stack = dual});
            } catch (const std::system_error& e) {
                MESSAGE("skipped, no IPv6 here: " << e.what());
                co_return;
            }
            const std::error_code code =
                co_await error_of(connect(endpoint::loopback(listener.local_endpoint().port())));
            CHECK((code == std::error_code()) == dual);
        }
    }());
}

#ifndef _WIN32

TEST_CASE("with reuse_port several listeners share a port, without it they do not") {
    async::run([]() -> task<void> {
        tcp_listener first = tcp_listener::bind(endpoint::loopback(0), {.reuse_port = true});
        tcp_listener second = tcp_listener::bind(first.local_endpoint(), {.reuse_port = true});
        CHECK(first.local_endpoint() == second.local_endpoint());
        CHECK_THROWS_AS(tcp_listener::bind(first.local_endpoint()), std::system_error);
        auto a = create_task(accept_one(first));
        auto b = create_task(accept_one(second));
        std::vector<tcp_stream> clients;
        while (!a.done() || !b.done()) {
            clients.push_back(co_await connect(first.local_endpoint()));
            co_await yield();
            REQUIRE(clients.size() < 500);
        }
    }());
}

namespace {

// The loop's system has no descriptor left while it lives.
class descriptors_exhausted {
public:
    descriptors_exhausted() {
        if (sim_) {
            sim_limit_ = std::exchange(sim_->limit, sim_->open());
            return;
        }
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const int lowest_free = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        ::close(lowest_free);
        rlimit none = before_;
        none.rlim_cur = static_cast<rlim_t>(lowest_free);
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    descriptors_exhausted(const descriptors_exhausted&) = delete;
    descriptors_exhausted& operator=(const descriptors_exhausted&) = delete;
    ~descriptors_exhausted() {
        if (sim_) {
            sim_->limit = sim_limit_;
        } else {
            ::setrlimit(RLIMIT_NOFILE, &before_);
        }
    }

private:
    static io::sim::descriptor_table* simulated_descriptors() {
        io::sim_engine* sim = simulated(this_engine());
        return sim ? &sim->world().descriptors : nullptr;
    }

    io::sim::descriptor_table* const sim_ = simulated_descriptors();
    std::size_t sim_limit_ = 0;
    rlimit before_{};
};

}  // namespace

TEST_CASE("when descriptors run out accept says so in the log, waits, and goes on once there are some again") {
    log_recorder log;
    async::run([](log_recorder& log) -> task<void> {
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
        const tcp_stream client = co_await connect(listener.local_endpoint());
        auto exhausted = std::make_unique<descriptors_exhausted>();
        auto acceptor = create_task(accept_one(listener));
        for (int i = 0; i < 2000 && log.lines.empty(); ++i) co_await sleep(100us);
        CHECK_FALSE(acceptor.done());
        exhausted.reset();
        const tcp_stream server = co_await timeout(10s, std::move(acceptor));
        CHECK(server.remote_endpoint() == client.local_endpoint());
        REQUIRE(log.lines.size() == 1);
        CHECK(log.levels[0] == log_level::warning);
        CHECK(log.has("accept"));
    }(log));
}

TEST_CASE("an accept that waits for descriptors can be cancelled and its listener closed") {
    log_recorder log;
    async::run([](log_recorder& log) -> task<void> {
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
        const tcp_stream client = co_await connect(listener.local_endpoint());
        auto exhausted = std::make_unique<descriptors_exhausted>();
        auto cancelled_one = create_task(accept_one(listener));
        for (int i = 0; i < 2000 && log.lines.empty(); ++i) co_await sleep(100us);
        cancelled_one.cancel();
        co_await cancelled_one.wait();
        CHECK(cancelled_one.cancelled());
        auto closed_one = create_task(accept_one(listener));
        co_await sleep(1ms);
        co_await listener.close();
        exhausted.reset();
        const std::error_code code = co_await error_of(timeout(10s, std::move(closed_one)));
        CHECK(code == errc::closed);
    }(log));
}

#endif

TEST_CASE("an accept that lacks descriptors tries seldom, and says so once a second at most") {
    log_recorder log;
    sim::simulation world(1);
    auto main = [&world]() -> task<void> {
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
        const tcp_stream client = co_await connect(listener.local_endpoint());
        const std::size_t enough = world.world().descriptors.limit;
        world.world().descriptors.limit = world.open_descriptors();
        auto acceptor = create_task(accept_one(listener));
        co_await sleep(2s);
        world.world().descriptors.limit = enough;
        const tcp_stream server = co_await std::move(acceptor);
        CHECK(server.remote_endpoint() == client.local_endpoint());
    };
    world.run(main());
    // The pauses are 10 ms, 20 ms, and so on to a second: eight of them take longer than two seconds.
    CHECK(world.opportunities(sim::fault::accept_error) <= 9);
    CHECK(log.lines.size() <= 3);
}
