// A hundred thousand times something is cancelled or destroyed while its operation is in flight, at random moments. No
// byte is lost to a read that was cancelled, no descriptor and no buffer is lost at all.
#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <libasync/async.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/files.hpp>
#include <tests/support/foreign_coroutine.hpp>
#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

// How many must have been in flight: a hundred thousand; fewer under Wine, where a socket takes milliseconds to make.
#ifdef _WIN32
constexpr int hundredth = 200;
#else
constexpr int hundredth = 1'000;
#endif
constexpr int cancelled_tasks = 50 * hundredth;
constexpr int destroyed_frames = 40 * hundredth;
constexpr int torn_down_tasks = 10 * hundredth;
constexpr int operations_per_runner = 20;

enum class kind { receive_chunk, receive, accept, send, read_file, sleep };
constexpr int kinds = 6;

// A client that connects and leaves.
void come_and_go(io::engine& e, const endpoint& where) {
    int error = 0;
    const native_handle client = e.calls().open_tcp_socket(address_family::ipv4, error);
    if (error == 0) connect_now(e, client, where);
    e.calls().close_socket(client);
}

// What the operations work on.
struct arena {
    arena(stream_pair r, stream_pair f, tcp_listener l, file d)
        : reading(std::move(r)),
          full(std::move(f)),
          listener(std::move(l)),
          data(std::move(d)) {
        const std::string text(1 << 16, '.');
        while (send_now(engine, full.client.handle(), text).error == 0) {
        }
    }

    // Something happens on the other side, so that the operation may finish just now.
    void provoke(kind what) {
        switch (what) {
            case kind::receive_chunk:
            case kind::receive: {
                const char next = static_cast<char>('a' + sent % 26);
                const const_bytes byte(&next, 1);
                if (send_now(engine, reading.client.handle(), byte).bytes == 1) ++sent;
                break;
            }
            case kind::accept: come_and_go(engine, listener.local_endpoint()); break;
            case kind::send: {
                std::array<char, 4096> space;
                receive_now(engine, full.server.handle(), space.data(), space.size());
                break;
            }
            case kind::read_file:
            case kind::sleep: break;
        }
    }

    void close() {
        reading.server = {};
        full.client = {};
        listener = {};
        data = {};
    }

    void arrived(std::string_view text) {
        for (const char c : text) in_order = in_order && c == static_cast<char>('a' + received++ % 26);
    }

    io::engine& engine = this_engine();
    stream_pair reading;  // the client side is written to behind the library's back
    stream_pair full;     // the client side has no room to send
    tcp_listener listener;
    file data;
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    bool in_order = true;
};

task<std::unique_ptr<arena>> make_arena(std::string path) {
    stream_pair reading = co_await connected_pair();
    stream_pair full = co_await connected_pair({.send_buffer = 4096});
    file data = co_await file::open(path);
    co_return std::make_unique<arena>(std::move(reading), std::move(full), tcp_listener::bind(endpoint::loopback(0)),
                                      std::move(data));
}

template <class Coroutine>
Coroutine receive_chunk(arena& a) {
    const chunk data = co_await a.reading.server.read();
    a.arrived(data.text());
}

template <class Coroutine>
Coroutine receive(arena& a) {
    std::array<char, 8> buffer;
    const std::size_t count = co_await a.reading.server.read_some(std::as_writable_bytes(std::span(buffer)));
    a.arrived({buffer.data(), count});
}

task<void> accept(arena& a) {
    const tcp_stream stream = co_await a.listener.accept();
    CHECK(stream.is_open());
}

// What `accept` awaits, on a listening socket of the test's own: a coroutine of another library cannot await a task.
struct accept_description : detail::io_description<accept_description> {
    using operation = io::accept_op;
    using value_type = io::socket_ptr;
    explicit accept_description(io::socket* l) noexcept : listener(l) {}
    operation make() const noexcept { return operation(listener); }
    value_type finish(operation& op) const noexcept { return std::move(op.accepted); }
    std::string what() const { return "accept"; }
    io::socket* listener;
};

foreign_coroutine accept_in_foreign(io::socket& listener) {
    const io::socket_ptr accepted = co_await accept_description(&listener);
    CHECK(accepted != nullptr);
}

constexpr int backlog = 64;

io::socket_ptr listen(endpoint& where) {
    int error = 0;
    io::engine& engine = this_engine();
    const native_handle handle = engine.calls().open_tcp_socket(address_family::ipv4, error);
    REQUIRE(engine.calls().bind_socket(handle, endpoint::loopback(0)) == 0);
    REQUIRE(engine.calls().listen_socket(handle, backlog) == 0);
    REQUIRE(engine.calls().local_endpoint(handle, where) == 0);
    return engine.adopt(handle, io::socket_role::listener);
}

template <class Coroutine>
Coroutine send(arena& a) {
    co_await a.full.client.write("x");
}

template <class Coroutine>
Coroutine read_file(arena& a) {
    std::array<std::byte, 16'384> buffer;
    const std::size_t count = co_await a.data.read_at(buffer, 1000);
    CHECK(count == buffer.size());
}

template <class Coroutine>
Coroutine sleep_a_little(std::chrono::microseconds delay) {
    co_await sleep(delay);
}

class dice {
public:
    explicit dice(unsigned seed) : random_(seed) {}
    unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }
    kind any_kind() { return static_cast<kind>(below(kinds)); }
    std::chrono::microseconds any_delay() { return std::chrono::microseconds(below(30)); }

private:
    std::mt19937 random_;
};

task<void> start(kind what, arena& a, dice& random) {
    switch (what) {
        case kind::receive_chunk: return receive_chunk<task<void>>(a);
        case kind::receive: return receive<task<void>>(a);
        case kind::accept: return accept(a);
        case kind::send: return send<task<void>>(a);
        case kind::read_file: return read_file<task<void>>(a);
        case kind::sleep: break;
    }
    return sleep_a_little<task<void>>(random.any_delay());
}

// The delay of a sleep is counted from its start, on a thread that runs the loop.
task<void> start_lazily(kind what, arena& a, dice& random) { co_await start(what, a, random); }

// Lets a random while pass.
task<void> dawdle(dice& random) {
    const unsigned choice = random.below(8);
    if (choice == 0) {
        co_await sleep(random.any_delay());
    } else {
        for (unsigned i = 0; i < choice / 2; ++i) co_await yield();
    }
}

task<void> cancel_tasks(std::string path, dice& random) {
    const std::unique_ptr<arena> a = co_await make_arena(path);
    int in_flight = 0;
    while (in_flight < cancelled_tasks) {
        const kind what = random.any_kind();
        auto handle = create_task(start(what, *a, random));
        if (random.below(8) != 0) co_await yield();  // else it never starts
        if (random.below(8) == 0) a->provoke(what);
        co_await dawdle(random);
        if (random.below(2) == 0) a->provoke(what);
        in_flight += !handle.done();
        handle.cancel();
        if (random.below(4) == 0) a->provoke(what);
        co_await handle.wait();
        if (!handle.cancelled()) handle.result();
        if (random.below(8) == 0)
            static_cast<void>(co_await move_on_after(random.any_delay(), start(what, *a, random)));
    }
    while (a->received < a->sent) co_await receive_chunk<task<void>>(*a);
    CHECK(a->in_order);
    CHECK(a->received == a->sent);
}

foreign_coroutine start_in_foreign(kind what, arena& a, io::socket& listener, dice& random) {
    switch (what) {
        case kind::receive_chunk: return receive_chunk<foreign_coroutine>(a);
        case kind::receive: return receive<foreign_coroutine>(a);
        case kind::accept: return accept_in_foreign(listener);
        case kind::send: return send<foreign_coroutine>(a);
        case kind::read_file: return read_file<foreign_coroutine>(a);
        case kind::sleep: break;
    }
    return sleep_a_little<foreign_coroutine>(random.any_delay());
}

task<void> destroy_frames(std::string path, dice& random) {
    const std::unique_ptr<arena> a = co_await make_arena(path);
    endpoint where;
    io::socket_ptr listener = listen(where);
    int visitors = 0;
    for (int in_flight = 0; in_flight < destroyed_frames;) {
        if (visitors >= backlog / 2) {  // were it ever full of those whom nobody took in, a visitor would be stuck
            listener = listen(where);
            visitors = 0;
        }
        const kind what = random.any_kind();
        auto provoke = [&] {
            if (what == kind::accept) {
                come_and_go(this_engine(), where);
                ++visitors;
            } else {
                a->provoke(what);
            }
        };
        const foreign_coroutine victim = start_in_foreign(what, *a, *listener, random);
        if (random.below(6) == 0) provoke();
        co_await dawdle(random);
        if (random.below(3) == 0) provoke();
        in_flight += !victim.done();
    }
}

// Starts operations on a runner, drives it for a while, and leaves everything as it is then. What they work on is
// closed before or after the runner goes. Gives the number of tasks that were not done.
int tear_down_runner(const std::string& path, dice& random) {
    std::unique_ptr<arena> a;
    int in_flight = 0;
    {
        runner r({.receive_buffers = 16, .receive_buffer_size = 64});
        r.loop().set_exception_handler([](const exception_context& c) {
            const std::string what = what_of(c.exception);
            CHECK_MESSAGE(what.find("closed") != std::string::npos, what);
        });
        a = r.run(make_arena(path));
        std::vector<task_handle<void>> kept;
        for (int i = 0; i < operations_per_runner; ++i) {
            const kind what = i == 0   ? kind::receive_chunk
                              : i == 1 ? kind::accept
                              : i == 2 ? kind::send
                                       : static_cast<kind>(static_cast<int>(kind::read_file) + i % 2);
            auto handle = r.create_task(start_lazily(what, *a, random));
            if (random.below(4) != 0) kept.push_back(std::move(handle));
            if (random.below(4) == 0) a->provoke(what);
            if (random.below(4) == 0) r.turn(turn::no_wait);
        }
        for (unsigned turns = random.below(6); turns != 0; --turns) r.turn(turn::no_wait);
        for (const auto& handle : kept) in_flight += !handle.done();
        if (random.below(2) == 0) kept.clear();
        if (random.below(2) == 0) a->provoke(kind::receive_chunk);
        if (random.below(2) == 0) a->close();
    }
    CHECK(a->in_order);
    return in_flight;
}

class seeded {
public:
    seeded() { directory_.store("data", std::string(1 << 16, 'f')); }
    std::string path() const { return directory_ / "data"; }

    const unsigned seed = std::random_device{}();

private:
    const temporary_directory directory_;
};

}  // namespace

TEST_CASE("tasks are cancelled at random moments of their operations") {
    const seeded s;
    MESSAGE("seed " << s.seed);
    CAPTURE(s.seed);
    const int before = open_descriptors();
    dice random(s.seed);
    async::run(cancel_tasks(s.path(), random), {.receive_buffers = 16, .receive_buffer_size = 64});
    CHECK(open_descriptors() == before);
}

TEST_CASE("frames are destroyed at random moments of their operations") {
    const seeded s;
    MESSAGE("seed " << s.seed);
    CAPTURE(s.seed);
    const int before = open_descriptors();
    dice random(s.seed);
    async::run(destroy_frames(s.path(), random), {.receive_buffers = 16, .receive_buffer_size = 64});
    CHECK(open_descriptors() == before);
}

TEST_CASE("runners are torn down with operations in flight") {
    const seeded s;
    MESSAGE("seed " << s.seed);
    CAPTURE(s.seed);
    const int before = open_descriptors();
    dice random(s.seed);
    for (int in_flight = 0; in_flight < torn_down_tasks;) in_flight += tear_down_runner(s.path(), random);
    CHECK(open_descriptors() == before);
}
