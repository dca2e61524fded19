// Tests a client that retries against an outage of six hours, with a thousand seeds, in a second.
#include <algorithm>
#include <cstdio>
#include <libasync/async.hpp>

using namespace std::chrono_literals;

async::task<std::string> ask(async::endpoint server) {
    async::tcp_stream stream = co_await async::connect(server);
    co_await stream.write("time?");
    async::chunk answer = co_await stream.read();
    co_return std::string(answer.text());
}

// The code under test.
async::task<std::string> ask_until_answered(async::endpoint server) {
    for (auto pause = 1s;; pause = std::min(2 * pause, 60s)) {
        try {
            co_return co_await async::timeout(10s, ask(server));
        } catch (const std::exception&) {  // refused, timed out, reset: try again, later
        }
        co_await async::sleep(pause);
    }
}

async::task<void> serve() {
    auto listener = async::tcp_listener::bind(async::endpoint::any(80));
    for (;;) {
        async::tcp_stream client = co_await listener.accept();
        if (async::result<async::chunk> question = co_await async::as_result(client.read()); !question) continue;
        static_cast<void>(co_await async::as_result(client.write("noon")));
    }
}

async::task<void> outage() {
    async::create_task(async::sim::on_host("10.0.0.2", serve()));
    async::sim::partition("10.0.0.1", "10.0.0.2");
    async::this_loop().call_later(6h, [] { async::sim::heal("10.0.0.1", "10.0.0.2"); });
    const async::time_point begin = async::this_loop().now();
    const std::string answer = co_await ask_until_answered({"10.0.0.2", 80});
    const auto took = async::this_loop().now() - begin;
    if (answer != "noon" || took < 6h || took > 6h + 2min) throw std::logic_error("the client gave up, or slept on");
}

int main() {
    async::sim::for_each_seed(1000, [](std::uint64_t seed) { async::sim::run(seed, outage()); });
    std::puts("a thousand outages of six hours, and an answer after each");
}
