// Names, cancelled wherever they are waited for: a look-up may be asked again, and has its answer.
#include <doctest/doctest.h>

#include <array>
#include <string>

#include <tests/support/cancel.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/names.hpp>
#include <tests/support/network.hpp>
#include <tests/support/refusing.hpp>

using namespace async;
using namespace async_tests;

namespace {

task<void> ask_everybody() {
    const auto all = co_await resolve("localhost", 80);
    must(!all.empty(), "localhost has addresses");
    const resolved_name name = co_await resolve_name(endpoint::loopback(80));
    must(!name.host.empty(), "an address has a name");
    const bool unknown = co_await throws<resolve_error>(resolve("nobody.invalid", 80, {.max_age = {}}));
    must(unknown, "nobody is called so");
}

}  // namespace

TEST_CASE("a look-up that was cancelled may be repeated") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        const auto ending = co_await subject.run(ask_everybody());
        must_not_fail(ending);
        co_await ask_everybody();
    };
    check_cancelled(cancel_everywhere(scenario));
}

namespace {

// To one address that refuses and one that listens.
task<tcp_stream> connect_to_second(endpoint refuses, endpoint listens) {
    const std::array both{refuses, listens};
    co_return co_await connect_any(both);
}

task<tcp_stream> connect_by_name(std::string name, int port) { co_return co_await connect(name, port); }

}  // namespace

TEST_CASE("a connect by name, or to many addresses, leaves nothing behind and may be repeated") {
    const auto scenario_with = [](auto make) {
        return [make](cancel_subject& subject) -> task<void> {
            const refusing_port nobody;
            auto listener = tcp_listener::bind(endpoint::loopback(0));
            auto ending = co_await subject.run(make(nobody.where(), listener.local_endpoint()));
            must_not_fail(ending);
            tcp_stream client;
            if (ending.completed()) {
                client = std::move(ending.value());
            } else {
                client = co_await make(nobody.where(), listener.local_endpoint());
            }
            co_await client.write("hello");
            std::string got;
            while (got.empty()) {  // others were given up by their clients
                tcp_stream server = co_await listener.accept();
                try {
                    got = co_await read_exactly(server, 5);
                } catch (const std::system_error&) {
                }
            }
            must(got == "hello", "the connection works");
            co_await client.close();
            co_await listener.close();
        };
    };
    const auto many =
        scenario_with([](endpoint refuses, endpoint listens) { return connect_to_second(refuses, listens); });
    check_outcomes(cancel_everywhere(many, {.deliveries = all_but_destruction}));
    const auto named =
        scenario_with([](endpoint, endpoint listens) { return connect_by_name("127.0.0.1", listens.port()); });
    check_outcomes(cancel_everywhere(named));
    const auto looked_up =
        scenario_with([](endpoint, endpoint listens) { return connect_by_name("localhost", listens.port()); });
    check_cancelled(cancel_everywhere(looked_up, {.deliveries = all_but_destruction}));
}
