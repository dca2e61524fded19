// A thousand readers that take a byte now and then beside one that takes all it can get.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <tests/load/load.hpp>

using namespace async;
using namespace async_tests;

namespace {

constexpr int slow_readers = full_load(1'000);
constexpr std::uint64_t fast_bytes = std::uint64_t{full_load(256)} << 20;
constexpr std::size_t least_bytes = 50;  // that each of the others reads meanwhile
constexpr std::size_t block = 26'000;  // after which the letters repeat
constexpr long most_kib_per_slow = 8;
constexpr std::uint64_t most_in_kernel = 4 << 20;  // of one connection: tcp_wmem and tcp_rmem bound it

std::string_view text() { return letters(0, block); }

// Reads a byte of each in turn, until it is told to stop; `place` counts the turns.
task<void> read_slowly(std::vector<tcp_stream>& streams, std::size_t& place, const bool& stop) {
    while (!stop) {
        for (tcp_stream& stream : streams) {
            std::array<std::byte, 1> byte;
            const std::size_t count = co_await stream.read_some(byte);
            if (count != 1 || static_cast<char>(byte[0]) != text()[place % block]) {
                throw std::runtime_error("a slow reader gets something else");
            }
            if (stop) co_return;
        }
        ++place;
        co_await sleep(std::chrono::milliseconds(10));
    }
}

task<void> read_fast(endpoint where) {
    tcp_stream stream = co_await connect(where);
    co_await stream.write("f");
    std::vector<char> room(256 * 1024);
    std::uint64_t place = 0;
    for (;;) {
        const std::size_t count = co_await stream.read_some(std::as_writable_bytes(std::span(room)));
        if (count == 0) break;
        for (std::size_t used = 0; used < count;) {
            const std::size_t from = (place + used) % block;
            const std::size_t part = std::min(count - used, block - from);
            if (std::string_view(room.data() + used, part) != text().substr(from, part)) {
                throw std::runtime_error("the fast reader gets something else");
            }
            used += part;
        }
        place += count;
    }
    if (place != fast_bytes) throw std::runtime_error("the fast reader does not get all");
    co_await stream.close();
}

task<void> clients(talk& with) {
    const endpoint where = co_await with.hear_of_server();
    const int before = open_descriptors();
    std::vector<tcp_stream> streams;
    for (int i = 0; i < slow_readers; ++i) {
        streams.push_back(co_await connect(where, {.receive_buffer = 4096}));
        co_await streams.back().write("s");
    }
    co_await with.say("done connecting");
    co_await with.expect("read");
    bool stop = false;
    std::size_t place = 0;
    auto slow = create_task(read_slowly(streams, place, stop));
    do {
        co_await read_fast(where);
    } while (place < least_bytes);
    stop = true;
    co_await slow;
    co_await with.say("done read");
    co_await with.expect("leave");
    for (std::size_t i = 0; i < streams.size(); i += 2) streams[i].abort();
    streams.clear();
    co_await until([&] { return open_descriptors() <= before; });
    co_await with.say("done leave");
}

struct progress {
    int writing = 0;      // slow ones
    int fast_served = 0;
    std::uint64_t most_for_slow = 0;
};

task<void> write_blocks(tcp_stream& stream, std::uint64_t bytes) {
    for (std::uint64_t sent = 0; sent < bytes;) {
        const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(block, bytes - sent));
        co_await stream.write(text().substr(0, part));
        sent += part;
    }
}

task<void> serve(tcp_stream stream, progress& p) {
    const std::string kind = co_await stream.read_exactly(1);
    if (kind == "f") {
        co_await write_blocks(stream, fast_bytes);
        co_await stream.close();
        ++p.fast_served;
        co_return;
    }
    ++p.writing;
    try {
        co_await write_blocks(stream, std::uint64_t{1} << 40);
    } catch (const std::system_error&) {  // it has left
    }
    --p.writing;
    p.most_for_slow = std::max(p.most_for_slow, stream.written());
}

task<void> go_through(second_process& process) {
    talk with = process.connect();
    progress p;
    auto handler = [&p](tcp_stream stream) { return serve(std::move(stream), p); };
    tcp_server server{"127.0.0.1", 0, handler, {.listen = {.connection = {.send_buffer = 16 * 1024}}}};
    auto serving = create_task(server.serve());
    const int descriptors = open_descriptors();
    const long memory = resident_kib();
    co_await with.say(std::to_string(server.local_endpoint().port()));
    co_await with.expect("done connecting");
    co_await until([&] { return p.writing == slow_readers; });
    // Once all buffers are full, everybody waits.
    std::uint64_t quiet = 1000;
    for (int i = 0; i < 1000 && quiet > 10; ++i) quiet = co_await turns_of_a_quiet_moment();
    CHECK(quiet <= 10);

    const effort since;
    co_await with.order("read");
    const std::uint64_t enters = since.enters();
    const long with_all = resident_kib();
    MESSAGE("visits of the kernel: ", enters, "; memory in KiB: ", memory, " before, ", with_all, " with all readers");
    CHECK(p.fast_served >= 1);
    CHECK(p.writing == slow_readers);
    CHECK(enters <= since.turns() + 1);
    const auto fast_blocks = static_cast<std::uint64_t>(p.fast_served) * (fast_bytes / block);
    CHECK(enters <= 20 * fast_blocks + std::uint64_t{100} * slow_readers);
    if (memory_tells) CHECK(with_all <= memory + slow_readers * most_kib_per_slow);

    co_await with.order("leave");
    co_await until([&] { return server.connections() == 0 && open_descriptors() <= descriptors; });
    CHECK(open_descriptors() == descriptors);
    MESSAGE("the system took at most ", p.most_for_slow, " bytes for a slow reader");
    CHECK(p.most_for_slow <= most_in_kernel);
    server.close();
    co_await serving;
}

}  // namespace

TEST_CASE("1,000 readers that hardly read hold up nobody but themselves") {
    if (!can_open(slow_readers + 100)) {
        MESSAGE("skipped: this user may not have 1,100 descriptors (RLIMIT_NOFILE)");
        return;
    }
    const int before = open_descriptors();
    {
        second_process process(clients);
        async::run(go_through(process));
        CHECK(process.wait() == 0);
    }
    CHECK(open_descriptors() == before);
}
