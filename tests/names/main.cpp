// Looks up names as it is told, for names.py, which is the server of them. Each argument is a task, with a name:
//   all:NAME     prints the addresses, or the error
//   leave:NAME   gives up after a moment
//   same:NAME    ten tasks ask at once
//   many:NAME    a thousand names below NAME are asked for at once
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <libasync/async.hpp>

namespace {

using namespace std::chrono_literals;

async::task<std::string> addresses_of(std::string name) {
    std::string text;
    try {
        for (const async::endpoint& e : co_await async::resolve(name, 80)) text += " " + e.to_string();
    } catch (const async::resolve_error& e) {
        text = " " + e.code().message();
    }
    co_return text;
}

async::task<void> leave(std::string name) {
    const auto got = co_await async::move_on_after(20ms, addresses_of(name));
    std::printf("%s: %s\n", name.c_str(), got ? "answered" : "left");
}

int threads_now() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("Threads:")) return std::stoi(line.substr(8));
    }
    return -1;
}

async::task<void> ask(std::string name, int count, bool same) {
    std::vector<async::task<std::string>> asking;
    for (int i = 0; i < count; ++i) {
        asking.push_back(addresses_of(same ? name : "n" + std::to_string(i) + "." + name));
    }
    const int before = threads_now();
    const std::vector<std::string> answers = co_await async::gather(std::move(asking));
    int right = 0;
    for (const std::string& answer : answers) right += answer == " 192.0.2.1:80";
    std::printf("%s: %d right, %d new threads at most\n", name.c_str(), right, threads_now() - before);
}

async::task<void> run_all(std::vector<std::string> tasks) {
    for (const std::string& t : tasks) {
        const std::string what = t.substr(0, t.find(':'));
        const std::string name = t.substr(t.find(':') + 1);
        if (what == "leave") {
            co_await leave(name);
        } else if (what == "same") {
            co_await ask(name, 10, true);
        } else if (what == "many") {
            co_await ask(name, 1000, false);
        } else {
            const std::string answer = co_await addresses_of(name);
            std::printf("%s:%s\n", name.c_str(), answer.c_str());
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    std::thread([] {}).join();  // the thread sanitizer adds one of its own with a program's first
    async::run(run_all(std::vector<std::string>(argv + 1, argv + argc)));
}
