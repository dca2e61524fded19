// Asks several servers for the same thing, one after another: the next one as soon as the last one has failed, or has
// kept us waiting for a while. The first answer counts, and whoever is still being asked then is cancelled. This is
// how "happy eyeballs" (RFC 8305) connects to a name with many addresses.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <libasync/async.hpp>

// The result of the first attempt that succeeds. Throws an exception_group if none does.
template <class T>
async::task<T> first_success(std::vector<async::task<T>> attempts, std::chrono::milliseconds patience) {
    std::optional<T> first;
    std::vector<std::exception_ptr> failures;
    async::event failed;
    auto try_one = [&](async::task_group& group, async::task<T> attempt) -> async::task<void> {
        try {
            T result = co_await std::move(attempt);
            if (!first) first = std::move(result);
            group.cancel();
        } catch (const std::exception&) {
            failures.push_back(std::current_exception());
            failed.set();
        }
    };
    co_await async::with_task_group([&](async::task_group& group) -> async::task<void> {
        for (async::task<T>& attempt : attempts) {
            failed.clear();
            group.start(try_one(group, std::move(attempt)));
            co_await async::move_on_after(patience, failed.wait());
        }
    });
    if (!first) throw async::exception_group("no attempt succeeded", std::move(failures));
    co_return std::move(*first);
}

async::task<std::string> ask(const char* name, async::endpoint server) {
    std::printf("asking the %s one\n", name);
    async::tcp_stream stream = co_await async::connect(server);
    async::chunk answer = co_await stream.read();
    co_return std::string(answer.text());
}

async::task<void> greet_one(async::tcp_listener& listener) {
    async::tcp_stream client = co_await listener.accept();
    co_await client.write("hello");
}

async::task<void> ask_around(std::chrono::milliseconds patience) {
    const auto anywhere = async::endpoint::loopback(0);
    auto closed = async::tcp_listener::bind(anywhere);
    auto silent = async::tcp_listener::bind(anywhere);
    auto friendly = async::tcp_listener::bind(anywhere);
    std::vector<async::task<std::string>> attempts;
    attempts.push_back(ask("closed", closed.local_endpoint()));
    attempts.push_back(ask("silent", silent.local_endpoint()));
    attempts.push_back(ask("friendly", friendly.local_endpoint()));
    attempts.push_back(ask("spare", friendly.local_endpoint()));
    co_await closed.close();
    auto [greeted, answer] = co_await async::gather(greet_one(friendly), first_success(std::move(attempts), patience));
    std::printf("the answer is %s\n", answer.c_str());
}

int main(int argc, char** argv) {
    CLI::App app{"Asks one server after another until one answers"};
    unsigned patience = 50;
    app.add_option("--patience", patience, "milliseconds until the next one is asked")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    async::run(ask_around(std::chrono::milliseconds(patience)));
}
