#include <libasync/detail/unique_function.hpp>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

using async::unique_function;

namespace {

// Counts how many of it are alive.
struct counted {
    explicit counted(int& c) : count(&c) { ++*count; }
    counted(counted&& other) noexcept : count(other.count) { ++*count; }
    ~counted() { --*count; }
    int* count;
};

int twice(int x) { return 2 * x; }

}  // namespace

TEST_CASE("an empty function is false") {
    unique_function<void()> f;
    CHECK_FALSE(f);
    unique_function<void()> g = nullptr;
    CHECK_FALSE(g);
    g.reset();
}

TEST_CASE("arguments go in and results come out") {
    unique_function<int(int)> f = twice;
    CHECK(f(4) == 8);
    f = [](int x) { return x + 1; };
    CHECK(f(4) == 5);
    unique_function<std::string(std::string, std::unique_ptr<int>)> g = [](std::string s, std::unique_ptr<int> p) {
        return std::move(s) + std::to_string(*p);
    };
    CHECK(g("n", std::make_unique<int>(7)) == "n7");
    int seen = 0;
    unique_function<void(int&)> by_reference = [](int& x) { x = 9; };
    by_reference(seen);
    CHECK(seen == 9);
    unique_function<void()> discards = [] { return 3; };
    discards();
}

TEST_CASE("state is kept from call to call, and moves along") {
    unique_function<int()> f = [n = 0, owned = std::make_unique<int>(10)]() mutable { return *owned + n++; };
    CHECK(f() == 10);
    unique_function<int()> g = std::move(f);
    CHECK_FALSE(f);
    CHECK(g() == 11);
    f = std::move(g);
    CHECK(f() == 12);
    auto& same = f;
    f = std::move(same);
    CHECK(f() == 13);
}

TEST_CASE("small and large callables are destroyed once") {
    int alive = 0;
    {
        unique_function<void()> small = [c = counted(alive)] { CHECK(*c.count > 0); };
        unique_function<void()> large = [c = counted(alive), pad = std::array<char, 200>{}] { CHECK(pad[0] == 0); };
        CHECK(alive == 2);
        small();
        large();
        unique_function<void()> moved = std::move(large);
        CHECK(alive == 2);
        small = std::move(moved);
        CHECK(alive == 1);
        small();
        small.reset();
        CHECK(alive == 0);
    }
    CHECK(alive == 0);
}

TEST_CASE("an exception passes through") {
    unique_function<void()> f = [] { throw std::runtime_error("through"); };
    CHECK_THROWS_WITH(f(), "through");
}
