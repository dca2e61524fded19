// Follows the links of a web site from its first page on: each page once, a few at a time. Every page that is found
// is a task of one group, which ends when no more are found; a semaphore limits how many are fetched at a time. The
// site is a server in the same program.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <libasync/async.hpp>
#include <set>

using namespace std::chrono_literals;

std::vector<unsigned> numbers_in(std::string_view text) {
    std::vector<unsigned> numbers;
    const char* const end = text.data() + text.size();
    for (const char* at = text.data(); at < end; ++at) {
        at = std::from_chars(at, end, numbers.emplace_back()).ptr;
    }
    return numbers;
}

async::task<std::string> read_all(async::tcp_stream& stream) {
    std::string text;
    for (;;) {
        async::chunk data = co_await stream.read();
        if (data.empty()) co_return text;
        text += data.text();
    }
}

class crawler {
public:
    crawler(async::endpoint site, unsigned at_a_time) : site_(site), fetching_(at_a_time) {}

    async::task<void> crawl(unsigned first) {
        seen_ = {first};
        co_await async::with_task_group(
            [&](async::task_group& group) -> async::task<void> { co_await visit(group, first); });
    }

    std::size_t pages() const { return seen_.size(); }
    unsigned most_at_a_time() const { return most_; }

private:
    async::task<void> visit(async::task_group& group, unsigned page) {
        auto permit = co_await fetching_.scoped();
        most_ = std::max(most_, ++now_);
        const std::string text = co_await async::timeout(10s, fetch(page));
        --now_;
        permit.release();
        for (unsigned link : numbers_in(text)) {
            if (seen_.insert(link).second) group.start(visit(group, link));
        }
    }

    async::task<std::string> fetch(unsigned page) {
        async::tcp_stream stream = co_await async::connect(site_);
        const std::string question = std::to_string(page);
        co_await stream.write(question);
        co_await stream.shutdown_write();
        co_return co_await read_all(stream);
    }

    const async::endpoint site_;
    async::semaphore fetching_;
    std::set<unsigned> seen_;
    unsigned now_ = 0;
    unsigned most_ = 0;
};

// A page is the numbers of those that it links to: page n to 2n + 1 and 2n + 2, as far as there are so many, and to 0.
async::task<void> answer(async::tcp_stream client, unsigned pages) {
    const unsigned page = numbers_in(co_await read_all(client)).at(0);
    std::string text = "0";
    for (unsigned link = 2 * page + 1; link <= 2 * page + 2 && link < pages; ++link) text += " " + std::to_string(link);
    co_await client.write(text);
}

async::task<void> serve(async::tcp_listener listener, unsigned pages) {
    co_await async::with_task_group([&](async::task_group& clients) -> async::task<void> {
        for (;;) clients.start(answer(co_await listener.accept(), pages), "client");
    });
}

async::task<void> crawl_own_site(unsigned pages, unsigned at_a_time) {
    auto listener = async::tcp_listener::bind(async::endpoint::loopback(0));
    crawler crawler(listener.local_endpoint(), at_a_time);
    co_await async::race(crawler.crawl(0), serve(std::move(listener), pages));  // the server ends with the crawler
    std::printf("%zu pages, at most %u at a time\n", crawler.pages(), crawler.most_at_a_time());
}

int main(int argc, char** argv) {
    CLI::App app{"Follows the links of a small web site"};
    unsigned pages = 200;
    unsigned at_a_time = 5;
    app.add_option("--pages", pages, "of the site")->capture_default_str()->check(CLI::Range(1u, 10'000u));
    app.add_option("--at-a-time", at_a_time, "pages to fetch")->capture_default_str()->check(CLI::Range(1u, 100u));
    CLI11_PARSE(app, argc, argv);
    async::run(crawl_own_site(pages, at_a_time));
}
