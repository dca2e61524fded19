#include <libasync/sync/borrowers.hpp>

#include <doctest/doctest.h>

#include <vector>

using namespace async;

TEST_CASE("the table of borrowers finds everybody it holds, whatever comes and goes") {
    detail::borrower_set set;
    std::vector<int> objects(300);
    std::vector<bool> inside(objects.size());
    std::size_t count = 0;
    std::uint32_t random = 12345;
    for (int step = 0; step < 20'000; ++step) {
        random = random * 1664525u + 1013904223u;
        const std::size_t i = (random >> 8) % objects.size();
        const detail::borrower who(&objects[i]);
        const bool found = set.find(who) != nullptr;
        REQUIRE(found == inside[i]);
        if (found) {
            set.remove(who);
            --count;
        } else {
            set.add(who).acquisition = i;
            ++count;
        }
        inside[i] = !found;
        REQUIRE(set.size() == count);
    }
    for (std::size_t i = 0; i < objects.size(); ++i) {
        const auto* e = set.find(detail::borrower(&objects[i]));
        REQUIRE((e != nullptr) == inside[i]);
        if (e) CHECK(e->acquisition == i);
    }
}
