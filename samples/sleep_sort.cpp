// Sorts numbers by sleeping: one task for each number wakes after as many milliseconds. Shows that timers fire in
// order, never early, and that many tasks cost little: try  sleep_sort $(shuf -i 1-500)
#include <CLI/CLI.hpp>
#include <cstdio>
#include <libasync/async.hpp>

async::task<void> place(unsigned number, async::time_point start, std::vector<unsigned>& sorted) {
    co_await async::sleep_until(start + std::chrono::milliseconds(number));
    sorted.push_back(number);
}

async::task<std::vector<unsigned>> sleep_sort(std::vector<unsigned> numbers) {
    std::vector<unsigned> sorted;
    std::vector<async::task<void>> sleepers;
    const async::time_point start = async::this_loop().now();
    for (unsigned number : numbers) sleepers.push_back(place(number, start, sorted));
    co_await async::gather(std::move(sleepers));
    co_return sorted;
}

int main(int argc, char** argv) {
    CLI::App app{"Sorts numbers by sleeping"};
    std::vector<unsigned> numbers{30, 10, 20};
    app.add_option("number", numbers, "milliseconds")->check(CLI::Range(0u, 10'000u));
    CLI11_PARSE(app, argc, argv);
    for (unsigned number : async::run(sleep_sort(numbers))) std::printf("%u ", number);
    std::puts("");
}
