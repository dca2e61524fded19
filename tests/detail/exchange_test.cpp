#include <libasync/detail/exchange.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>

TEST_CASE("exchange gives a new value and returns the one before, also of what can only be moved") {
    std::uint64_t number = 7;
    CHECK(async::detail::exchange(number, 0) == 7);
    CHECK(number == 0);

    int target = 0;
    int* pointer = &target;
    CHECK(async::detail::exchange(pointer, nullptr) == &target);
    CHECK(pointer == nullptr);

    auto owner = std::make_unique<int>(3);
    const auto before = async::detail::exchange(owner, std::make_unique<int>(4));
    CHECK(*before == 3);
    CHECK(*owner == 4);
}
