#include <tests/parity/divergences.hpp>

#include <algorithm>
#include <set>
#include <string>

#include <tests/parity/behaviour.hpp>

TEST_CASE("a divergence names a behaviour that exists, an engine, and a reason") {
    const auto& all = parity::behaviours();
    for (const parity::divergence& d : parity::divergences) {
        INFO(std::string(d.behaviour));
        CHECK(std::any_of(all.begin(), all.end(),
                          [&](const parity::behaviour& b) { return std::string_view(b.name) == d.behaviour; }));
        CHECK(d.engine != async::engine_kind::automatic);
        CHECK_FALSE(std::string_view(d.reason).empty());
    }
}

TEST_CASE("behaviours have names of their own") {
    std::set<std::string> names;
    for (const parity::behaviour& b : parity::behaviours()) {
        INFO(std::string(b.name));
        CHECK(names.insert(b.name).second);
    }
    CHECK(names.size() >= 100);
}
