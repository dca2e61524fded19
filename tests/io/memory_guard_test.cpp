// Memory that is freed while an operation uses it ends the program, in builds that can tell.
#include <libasync/io/memory_guard.hpp>

#include "engine_harness.hpp"

#if !LIBASYNC_GUARDS_MEMORY || defined(_WIN32)

TEST_CASE("memory of a pending operation that is freed ends the program") {
    MESSAGE("not run: without the address sanitizer nobody knows what is freed");
}

#else

#include <array>
#include <csignal>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libasync/async.hpp>
#include <tests/support/files.hpp>

using namespace engine_tests;

namespace {

struct child_end {
    bool aborted;
    std::string output;

    bool tells(const char* text) const { return output.find(text) != std::string::npos; }
};

// Of the function, in a process of its own.
child_end of(const std::function<void()>& body) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::dup2(ends[1], 2);
        ::close(ends[0]);
        ::signal(SIGABRT, SIG_DFL);
        body();
        ::_exit(0);
    }
    ::close(ends[1]);
    child_end o{false, {}};
    std::array<char, 4096> part;
    for (ssize_t n; (n = ::read(ends[0], part.data(), part.size())) > 0;) o.output.append(part.data(), std::size_t(n));
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    o.aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
    return o;
}

// For each engine that there is, in a child.
void for_each_outcome(const std::function<void(driver&)>& body, const std::function<void(const child_end&)>& judge) {
    for (const std::string& name : engine_names()) {
        CAPTURE(name);
        std::string why;
        if (!make_engine(name, why, {})) {
            MESSAGE("skipped: no " << name << ": " << why);
            continue;
        }
        const child_end o = of([&] {
            driver d(make_engine(name, why, {}));
            body(d);
            ::_exit(0);
        });
        INFO(o.output);
        judge(o);
    }
}

bool tests_uring() {
    std::string why;
    const auto names = engine_names();
    if (std::find(names.begin(), names.end(), "uring") != names.end() && make_uring_engine({}, why)) return true;
    MESSAGE("not run: only the kernel can read from a pipe behind our back: " << why);
    return false;
}

}  // namespace

TEST_CASE("a buffer that is freed under a pending receive ends the program, with a message") {
    const auto free_too_early = [](driver& d) {
        auto [client, server] = d.connected();
        auto buffer = std::make_unique<char[]>(64);
        receive_op op(server.get(), buffer.get(), 64);
        d.start(op);
        d.turn();
        buffer.reset();
        d.turn();
    };
    for_each_outcome(free_too_early, [](const child_end& o) {
        CHECK(o.aborted);
        CHECK(o.tells("libasync: the buffer (64 bytes at 0x"));
        CHECK(o.tells("of a pending receive on "));
        CHECK(o.tells("was freed: the engine still uses it"));
        CHECK(o.tells("invariant broken"));
    });
}

TEST_CASE("an operation that is freed before it has ended ends the program") {
    const auto free_too_early = [](driver& d) {
        endpoint where = endpoint::loopback(0);
        socket_ptr listener = d.listen(where);
        auto op = std::make_unique<accept_op>(listener.get());
        d.start(*op);
        op.reset();
        d.turn();
    };
    for_each_outcome(free_too_early, [](const child_end& o) {
        CHECK(o.aborted);
        CHECK(o.tells("of a pending accept on "));
    });
}

TEST_CASE("a list of buffers that is freed under a pending send ends the program") {
    const auto free_too_early = [](driver& d) {
        auto [client, server] = d.connected();
        const std::string text(16 << 20, 'x');
        auto buffers = std::make_unique<const_bytes[]>(2);
        buffers[0] = buffers[1] = text;
        alignas(8) std::byte message[64];
        send_op op(client.get(), buffers.get(), 2);
        op.native_message = message;
        d.start(op);
        buffers.reset();
        d.turn();
    };
    for_each_outcome(free_too_early, [](const child_end& o) {
        CHECK(o.aborted);
        CHECK(o.tells("the list of buffers ("));
        CHECK(o.tells("of a pending send on "));
    });
}

TEST_CASE("operations that have ended may be freed") {
    const auto orderly = [](driver& d) {
        auto [client, server] = d.connected();
        for (int i = 0; i < 10; ++i) {
            auto buffer = std::make_unique<char[]>(64);
            auto op = std::make_unique<receive_op>(server.get(), buffer.get(), 64);
            d.start(*op);
            if (i % 2 == 0) {
                d->cancel_and_wait(*op);
            } else {
                d->cancel(*op);
                d.wait_for(*op);
            }
            op.reset();
            buffer.reset();
            d.turn();
        }
    };
    for_each_outcome(orderly, [](const child_end& o) {
        CHECK_FALSE(o.aborted);
        CHECK(o.output.empty());
    });
}

TEST_CASE("a chunk that is used after it was given up is found") {
    const auto use_after_release = [](driver& d) {
        auto [client, server] = d.connected();
        d.send(*client, "text");
        chunk data = d.receive_chunk(*server);
        const volatile std::byte* inside = data.data();
        data.release();
        static_cast<void>(*inside);
    };
    for_each_outcome(use_after_release, [](const child_end& o) { CHECK(o.tells("use-after-poison")); });
}

TEST_CASE("the kernel's own reading into freed memory is found") {
    if (!tests_uring()) return;
    const async_tests::temporary_directory directory;
    const std::string pipe = directory / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    const child_end o = of([&] {
        async::run(
            [](const std::string& path) -> task<void> {
                file f = co_await file::open(path, open_mode::read_write);
                auto memory = std::make_unique<std::vector<std::byte>>(300);
                auto reading = [](file& f, std::span<std::byte> into) -> task<void> {
                    static_cast<void>(co_await f.read_at(into, 0));
                };
                auto reader = create_task(reading(f, *memory));
                co_await sleep(1ms);
                memory.reset();
                co_await sleep(1ms);
            }(pipe),
            {.engine = engine_kind::uring});
    });
    INFO(o.output);
    CHECK(o.aborted);
    CHECK(o.tells("libasync: the buffer (300 bytes at 0x"));
    CHECK(o.tells("of a pending read_at on "));
    CHECK(o.tells("was freed: the kernel still uses it"));
}

#endif
