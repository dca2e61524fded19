// A pipeline of three stages joined by channels: producers count, workers pick the primes, the last stage adds them
// up. A stage ends when the one before it has ended, since a channel ends with its last sender: nobody counts the
// others, and nothing gets lost. The channels are short, so a slow stage holds back those before it.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <libasync/async.hpp>

using sender = async::channel_sender<unsigned>;
using receiver = async::channel_receiver<unsigned>;

struct summary {
    unsigned count = 0;
    unsigned long long sum = 0;
};

bool is_prime(unsigned n) {
    for (unsigned d = 2; d <= n / d; ++d) {
        if (n % d == 0) return false;
    }
    return n > 1;
}

// Every `step`th number from `first` on.
async::task<void> produce(sender numbers, unsigned first, unsigned step, unsigned limit) {
    for (unsigned n = first; n < limit; n += step) co_await numbers.send(n);
}

async::task<void> pick_primes(receiver numbers, sender primes) {
    while (const auto n = co_await numbers.receive()) {
        if (is_prime(*n)) co_await primes.send(*n);
    }
}

async::task<summary> add_up(receiver primes) {
    summary s;
    while (const auto prime = co_await primes.receive()) {
        ++s.count;
        s.sum += *prime;
    }
    co_return s;
}

async::task<summary> sum_of_primes(unsigned limit, unsigned producers, unsigned workers) {
    auto [numbers_in, numbers_out] = async::channel<unsigned>(16);
    auto [primes_in, primes_out] = async::channel<unsigned>(16);
    std::vector<async::task<void>> stages;
    for (unsigned i = 0; i < producers; ++i) stages.push_back(produce(numbers_in, i, producers, limit));
    for (unsigned i = 0; i < workers; ++i) stages.push_back(pick_primes(numbers_out, primes_in));
    numbers_in.close();  // the stages have ends of their own
    primes_in.close();
    auto [done, s] = co_await async::gather(async::gather(std::move(stages)), add_up(std::move(primes_out)));
    co_return s;
}

int main(int argc, char** argv) {
    CLI::App app{"Adds up prime numbers, in a pipeline of tasks"};
    unsigned limit = 1000;
    unsigned producers = 3;
    unsigned workers = 4;
    app.add_option("limit", limit, "primes below this")->capture_default_str()->check(CLI::Range(0u, 1'000'000u));
    app.add_option("--producers", producers)->capture_default_str()->check(CLI::Range(1u, 100u));
    app.add_option("--workers", workers)->capture_default_str()->check(CLI::Range(1u, 100u));
    CLI11_PARSE(app, argc, argv);
    const summary s = async::run(sum_of_primes(limit, producers, workers));
    std::printf("%u primes below %u, their sum is %llu\n", s.count, limit, s.sum);
}
