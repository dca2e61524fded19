// The faults themselves: how they are asked for, and that they strike where they say and lose nothing.
#include <array>
#include <cstdio>

#include <libasync/io/fault_knobs.hpp>
#include <libasync/io/native_socket.hpp>

#include "engine_harness.hpp"

#ifndef _WIN32
#include <unistd.h>
#endif

using namespace engine_tests;
using faults::knobs;

namespace {

class disturbed {
public:
    explicit disturbed(const knobs& k) : before_(faults::active()) { faults::use(k); }
    disturbed(const disturbed&) = delete;
    ~disturbed() { faults::use(before_); }

private:
    const knobs before_;
};

std::string complaint_about(const char* text) {
    try {
        faults::parse(text);
    } catch (const std::invalid_argument& e) {
        return e.what();
    }
    return "none";
}

std::vector<std::size_t> drawn(knobs::value seed) {
    const disturbed by({.read_max = 1000, .seed = seed});
    std::vector<std::size_t> all;
    for (int i = 0; i < 50; ++i) all.push_back(faults::cut(5000, &knobs::read_max));
    return all;
}

}  // namespace

TEST_CASE("faults are a list of names with numbers") {
    const knobs none = faults::parse("");
    CHECK(none.read_max == 0);
    CHECK(none.seed == 1);
    const knobs some = faults::parse("read_max=4,write_blocks=30,seed=4294967295");
    CHECK(some.read_max == 4);
    CHECK(some.write_blocks == 30);
    CHECK(some.write_max == 0);
    CHECK(some.seed == 4294967295);
}

TEST_CASE("faults that make no sense are refused by name") {
    CHECK(complaint_about("read_maximum=4") == "LIBASYNC_FAULTS: there is no knob 'read_maximum'");
    CHECK(complaint_about("read_max=4,,") == "LIBASYNC_FAULTS: no value in ''");
    CHECK(complaint_about("stops=3,") == "LIBASYNC_FAULTS: no value in ''");
    CHECK(complaint_about("read_max") == "LIBASYNC_FAULTS: no value in 'read_max'");
    CHECK(complaint_about("read_max=") == "LIBASYNC_FAULTS: not a number in 'read_max='");
    CHECK(complaint_about("read_max=-1") == "LIBASYNC_FAULTS: not a number in 'read_max=-1'");
    CHECK(complaint_about("read_max=4x") == "LIBASYNC_FAULTS: not a number in 'read_max=4x'");
    CHECK(complaint_about("stops=91") == "LIBASYNC_FAULTS: too large a number in 'stops=91'");
    CHECK(complaint_about("seed=4294967296") == "LIBASYNC_FAULTS: too large a number in 'seed=4294967296'");
}

TEST_CASE("no engine is made while LIBASYNC_FAULTS makes no sense") {
#ifdef _WIN32
    MESSAGE("not run: this system has no /proc/self/exe");
#else
    std::array<char, 4096> path{};
    if (::readlink("/proc/self/exe", path.data(), path.size() - 1) <= 0) {
        MESSAGE("not run: this system has no /proc/self/exe");
        return;
    }
    const std::string command = "LIBASYNC_FAULTS=wrong=1 '" + std::string(path.data()) +
                                "' --test-case='the end comes to a receive that waits' 2>&1";
    FILE* child = ::popen(command.c_str(), "r");
    REQUIRE(child != nullptr);
    std::string output;
    for (std::array<char, 256> line; std::fgets(line.data(), line.size(), child);) output += line.data();
    CHECK(::pclose(child) != 0);
    CHECK(output.find("LIBASYNC_FAULTS: there is no knob 'wrong'") != std::string::npos);
#endif
}

TEST_CASE("draws repeat with their seed") {
    CHECK(drawn(7) == drawn(7));
    CHECK(drawn(7) != drawn(8));
}

TEST_CASE("a limited receive takes a few bytes, mostly, and all of them come") {
    const disturbed by({.read_max = 3});
    for_each_engine([](driver& d) {
        auto [client, server] = d.connected();
        const std::string text(900, 'x');
        CHECK(!d.send(*client, text));
        int small = 0;
        std::size_t got = 0;
        while (got < text.size()) {
            const std::size_t part = d.receive(*server).size();
            REQUIRE(part != 0);
            small += part <= 3;
            got += part;
        }
        CHECK(small > 0);
        CHECK(!d.send(*client, "ab"));
        CHECK(d.receive_chunks_exactly(*server, 2) == "ab");
    });
}

TEST_CASE("calls that say not now lose no wake-up") {
    const disturbed by({.read_blocks = 90, .write_blocks = 90, .stops = 50});
    for_each_engine([](driver& d) {
        auto [client, server] = d.connected();
        const std::uint64_t before = d->statistics().vain_reads;
        for (int i = 0; i < 50; ++i) {
            CHECK(!d.send(*client, "there"));
            CHECK(d.receive_exactly(*server, 5) == "there");
            CHECK(!d.send(*server, "back"));
            CHECK(d.receive_chunks_exactly(*client, 4) == "back");
        }
        CHECK(d->statistics().vain_reads > before);
    });
}

TEST_CASE("accepting that fails for want of descriptors loses no connection") {
    const disturbed by({.accept_errors = 40, .stops = 40});
    for_each_engine([](driver& d) {
        endpoint where = endpoint::loopback(0);
        socket_ptr listener = d.listen(where);
        int failures = 0;
        for (int i = 0; i < 40; ++i) {
            socket_ptr client = d.connect(where);
            accept_op op(listener.get());
            for (;;) {
                const std::error_code error = d.run(op);
                if (!error) break;
                REQUIRE(error == std::errc::too_many_files_open);
                ++failures;
                op.error = 0;
                op.state = op_state::idle;
            }
            CHECK(!d.send(*client, "x"));
            CHECK(d.receive(*op.accepted) == "x");
        }
        CHECK(failures > 0);
    });
}

TEST_CASE("opening a file that fails for want of descriptors may be tried again") {
    const disturbed by({.open_errors = 50});
    for_each_engine([](driver& d) {
        int failures = 0;
        for (int i = 0; i < 40; ++i) {
#ifdef _WIN32
            open_file_op op("NUL", open_mode::read);
#else
            open_file_op op("/dev/null", open_mode::read);
#endif
            const std::error_code error = d.run(op);
            failures += error == std::errc::too_many_files_open;
            CHECK((error ? error == std::errc::too_many_files_open : static_cast<bool>(op.opened)));
        }
        CHECK(failures > 0);
        CHECK(failures < 40);
    });
}
