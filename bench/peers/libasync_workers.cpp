// `libasync_workers --port N --workers N [--work ROUNDS]`: an echo on several loops that share the port; each message
// costs so many multiplications more, each of which needs the result of the one before. SIGINT ends it: then each worker prints what its part was.
#include "arguments.hpp"

#include <libasync/async.hpp>
#include <libasync/net/port_reservation.hpp>
#include <system_error>
#include <vector>

namespace {

struct part {
    std::uint64_t accepted = 0;
    std::uint64_t messages = 0;
    std::uint64_t result = 0;  // of the work, so that it is done
};

std::uint64_t work(long rounds) {
    std::uint64_t value = 1;
    for (long i = 0; i < rounds; ++i) value = value * 6364136223846793005u + 1442695040888963407u;
    return value;
}

async::task<void> echo(async::tcp_stream client, part& mine, long cost) {
    try {
        for (;;) {
            const async::chunk data = co_await client.read();
            if (data.empty()) co_return;
            mine.result += work(cost);
            co_await client.write(data);
            ++mine.messages;
        }
    } catch (const std::system_error&) {  // clients reset their connections
    }
}

async::task<void> serve(async::endpoint where, part& mine, long cost) {
    auto handler = [&mine, cost](async::tcp_stream client) { return echo(std::move(client), mine, cost); };
    async::tcp_server server{where, handler, {.listen = {.reuse_port = true}}};
    try {
        co_await server.serve();
    } catch (const async::cancelled&) {  // by the signal
        mine.accepted = server.accepted();
        throw;
    }
}

}  // namespace

int main(int argc, char** argv) {
    const auto workers = static_cast<unsigned>(std::atoi(peers::value_of(argc, argv, "--workers", "1")));
    const long cost = std::atol(peers::value_of(argc, argv, "--work", "0"));
    const async::port_reservation port(async::endpoint::loopback(peers::port_of(argc, argv)));
    struct alignas(128) separate : part {};  // no two workers count in one cache line
    std::vector<separate> parts(workers);
    async::run_workers(workers, [&](async::worker self) {
        return serve(port.local_endpoint(), parts[self.index()], cost);
    });
    for (unsigned i = 0; i < workers; ++i)
        std::printf("{\"worker\":%u,\"accepted\":%llu,\"messages\":%llu}\n", i,
                    static_cast<unsigned long long>(parts[i].accepted),
                    static_cast<unsigned long long>(parts[i].messages));
}
