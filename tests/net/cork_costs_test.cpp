// What a cork saves: however many writes, they leave together.
#include <libasync/net/cork.hpp>

#include <doctest/doctest.h>

#include <cstdint>

#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>

#ifdef __linux__
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#endif

using namespace async_tests;

TEST_CASE("writes that are joined ask nothing of the engine, and the flush once") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        cork_guard cork = pair.client.cork();
        const auto before = this_loop().statistics().engine;
        for (int i = 0; i < 50; ++i) co_await pair.client.write("0123456789", "0123456789");
        const auto joined = this_loop().statistics().engine;
        CHECK(joined.submissions == before.submissions);
        CHECK(joined.completions == before.completions);
        co_await cork.flush();
        const auto after = this_loop().statistics().engine;
        CHECK(after.submissions - joined.submissions <= 1);
        CHECK(pair.client.written() == 1000);
    }());
}

#ifdef __linux__

namespace {

// Segments with data that have left (tcp(7)): with TCP_NODELAY, one for each call at least.
std::uint32_t segments_of(const tcp_stream& stream) {
    tcp_info info{};
    socklen_t size = sizeof info;
    REQUIRE(::getsockopt(static_cast<int>(stream.handle()), IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
    return info.tcpi_data_segs_out;
}

}  // namespace

TEST_CASE("writes that are joined leave by one call, and others by one each") {
    if (on_sim()) {
        MESSAGE("skipped: there are no segments in a simulated world");
        return;
    }
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        const std::uint32_t before = segments_of(pair.client);
        for (int i = 0; i < 20; ++i) co_await pair.client.write("0123456789");
        const std::uint32_t alone = segments_of(pair.client);
        CHECK(alone - before == 20);
        for (const bool flushed : {true, false}) {
            const std::uint32_t begin = segments_of(pair.client);
            {
                cork_guard cork = pair.client.cork();
                for (int i = 0; i < 100; ++i) co_await pair.client.write("0123456789");
                CHECK(segments_of(pair.client) == begin);
                if (flushed) co_await cork.flush();
            }
            CHECK(segments_of(pair.client) - begin == 1);
        }
        const std::string got = co_await read_exactly(pair.server, 2200);
        CHECK(got.size() == 2200);
    }());
}

#endif
