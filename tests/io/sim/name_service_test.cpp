#include <libasync/io/sim/name_service.hpp>

#include <doctest/doctest.h>

#include <libasync/io/sim/world.hpp>

using namespace async;
using namespace async::io::sim;
using namespace std::chrono_literals;

namespace {

struct answer {
    std::vector<endpoint> addresses;
    lookup_error error = lookup_error::none;
    std::chrono::nanoseconds took{};
};

answer look_up(world& w, std::string_view name) {
    answer a;
    const time_point begin = w.now();
    w.names.look_up(name, 80, [&](const std::vector<endpoint>& addresses, lookup_error error) {
        a = {addresses, error, w.now() - begin};
    });
    w.set_now(w.next_event());
    w.run_due();
    return a;
}

}  // namespace

TEST_CASE("a name has the addresses it was given, with the port that was asked for, after a while") {
    world w(1);
    w.names.set("db.example", {endpoint("10.0.0.2", 0), endpoint("10.0.0.3", 0)});
    const answer a = look_up(w, "db.example");
    CHECK(a.error == lookup_error::none);
    CHECK(a.addresses == std::vector<endpoint>{endpoint("10.0.0.2", 80), endpoint("10.0.0.3", 80)});
    CHECK(a.took > 0s);
    CHECK(a.took <= 20ms);
    CHECK(look_up(w, "localhost").addresses.size() == 2);
}

TEST_CASE("a name that nobody knows, or nobody knows any more, is not found") {
    world w(1);
    CHECK(look_up(w, "nobody.example").error == lookup_error::not_found);
    w.names.set("gone.example", {endpoint("10.0.0.2", 0)});
    w.names.remove("gone.example");
    CHECK(look_up(w, "gone.example").error == lookup_error::not_found);
}

TEST_CASE("a server of names that does not answer is a fault, told after its time-out") {
    world w(1);
    w.faults.set_single({static_cast<int>(fault::lookup_error), 0});
    const answer a = look_up(w, "localhost");
    CHECK(a.error == lookup_error::try_again);
    CHECK(a.addresses.empty());
    CHECK(a.took >= 5s);
    CHECK(look_up(w, "localhost").error == lookup_error::none);
}
