// A server that is told to end, by SIGTERM, at a random moment of its work: it ends what it has begun, and nothing else.
#include <doctest/doctest.h>

#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include <tests/load/load.hpp>

using namespace async;
using namespace async_tests;

namespace {

constexpr int times = full_load(200);
constexpr int clients_at_a_time = 16;

// The process that is told.

struct state {
    event stopping;
    int begun = 0;
    int answered = 0;
    int under_way_at_stop = 0;
};

notifier* told = nullptr;

void on_signal(int) { told->notify(); }

// The next request; nothing if there is none, or the server is to stop and has not begun it.
task<std::optional<std::string>> next_request(tcp_stream& stream, state& s) {
    auto first = co_await race(stream.read_line(), s.stopping.wait());
    if (first.index() != 0 || std::get<0>(first).empty()) co_return std::nullopt;
    co_return std::move(std::get<0>(first));
}

// "SIZE PAUSE\n" is answered by "SIZE\n" and so many letters, with a pause before the last of them.
task<void> answer(tcp_stream& stream, std::string request) {
    std::size_t size = 0;
    int pause = 0;
    std::istringstream(request) >> size >> pause;
    const std::string_view body = letters(0, size);
    co_await stream.write(std::to_string(size), "\n", body.substr(0, size / 2));
    if (pause != 0) co_await sleep(std::chrono::microseconds(pause));
    co_await stream.write(body.substr(size / 2));
}

task<void> serve(tcp_stream stream, state& s) {
    while (!s.stopping.is_set()) {
        std::optional<std::string> request = co_await next_request(stream, s);
        if (!request) break;
        ++s.begun;
        co_await answer(stream, std::move(*request));
        ++s.answered;
    }
    co_await stream.close();
}

task<void> serve_until_told(talk& with) {
    state s;
    auto handler = [&s](tcp_stream stream) { return serve(std::move(stream), s); };
    tcp_server server{"127.0.0.1", 0, handler, {.drain_timeout = std::chrono::nanoseconds::max()}};
    notifier told_to_stop(this_loop(), [&] {
        s.under_way_at_stop = s.begun - s.answered;
        s.stopping.set();
        server.close();
    });
    told = &told_to_stop;
    std::signal(SIGTERM, on_signal);
    co_await with.say(std::to_string(server.local_endpoint().port()));
    co_await server.serve();
    if (s.begun != s.answered) throw std::runtime_error("a request was begun, and not answered");
    co_await with.say(std::to_string(s.answered));
    co_await with.say(std::to_string(s.under_way_at_stop));
    std::signal(SIGTERM, SIG_IGN);
}

// The clients.

struct score {
    int answered = 0;
    int turned_away = 0;  // connected, and not a byte of an answer
};

enum class asked : std::uint8_t { answered, turned_away };

// Throws std::runtime_error if there is less, or something else, than a whole answer.
task<asked> ask(tcp_stream& stream, std::size_t size, int pause) {
    std::string got;
    try {
        co_await stream.write(std::to_string(size) + " " + std::to_string(pause) + "\n");
        for (;;) {
            const chunk data = co_await stream.read();
            if (data.empty()) break;
            got += data.text();
            const std::size_t head = got.find('\n');
            if (head != got.npos && got.size() - head - 1 >= size) break;
        }
    } catch (const std::system_error&) {  // it counts what had come
    }
    if (got.empty()) co_return asked::turned_away;
    if (got != std::to_string(size).append("\n").append(letters(0, size))) {
        throw std::runtime_error(std::to_string(got.size()) + " bytes of an answer with " + std::to_string(size));
    }
    co_return asked::answered;
}

// A port that nobody listens on may be connected to itself (tcp(7)).
bool is_connected_to_itself(const tcp_stream& stream) {
    try {
        return stream.local_endpoint() == stream.remote_endpoint();
    } catch (const std::system_error&) {  // reset already
        return false;
    }
}

// Asks over one connection after the other, until nobody listens any more.
task<void> ask_on_and_on(endpoint where, unsigned seed, score& s) {
    std::minstd_rand random(seed);
    for (;;) {
        tcp_stream stream;
        try {
            stream = co_await connect(where);
        } catch (const std::system_error& e) {
            if (e.code() == std::errc::connection_refused) co_return;
        }
        if (!stream.is_open()) continue;
        if (is_connected_to_itself(stream)) co_return;
        for (auto left = random() % 8 + 1; left != 0; --left) {
            const std::size_t size = random() % 8 == 0 ? 200'000 : random() % 2'000;
            const asked result = co_await ask(stream, size, random() % 4 == 0 ? 300 : 0);
            ++(result == asked::answered ? s.answered : s.turned_away);
            if (result == asked::turned_away) break;
        }
    }
}

task<void> tell(second_process& process, unsigned seed, const score& s) {
    std::minstd_rand random(seed);
    const int after = static_cast<int>(random() % 300);
    const auto later = std::chrono::microseconds(random() % 700);
    while (s.answered < after) co_await yield();
    co_await sleep(later);
    ::kill(process.id(), SIGTERM);
}

// Gives how many answers were under way when the server was told.
task<int> once(second_process& process, unsigned seed, score& all) {
    talk with = process.connect();
    const endpoint where = co_await with.hear_of_server();
    score s;
    std::vector<task<void>> everybody;
    everybody.push_back(tell(process, seed, s));
    for (unsigned i = 0; i < clients_at_a_time; ++i) everybody.push_back(ask_on_and_on(where, seed * 100 + i, s));
    co_await gather(std::move(everybody));
    const std::string answered = co_await with.hear();
    CHECK(answered == std::to_string(s.answered));
    const std::string under_way = co_await with.hear();
    const std::string end = co_await with.hear();
    CHECK(end == "");
    all.answered += s.answered;
    all.turned_away += s.turned_away;
    co_return std::stoi(under_way);
}

}  // namespace

TEST_CASE("SIGTERM at 200 random moments: no answer is cut in half, and none is lost") {
    const int before = open_descriptors();
    score all;
    int under_way = 0;
    for (unsigned seed = 1; seed <= static_cast<unsigned>(times); ++seed) {
        CAPTURE(seed);
        second_process process(serve_until_told);
        under_way += async::run(once(process, seed, all));
        CHECK(process.wait() == 0);
    }
    MESSAGE(all.answered, " whole answers, of which ", under_way, " were under way when the server was told to end; ",
            all.turned_away, " connections were closed before their request was begun");
    CHECK(under_way > 0);
    CHECK(all.turned_away > 0);
    CHECK(open_descriptors() == before);
}
