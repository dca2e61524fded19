#include <libasync/coro/exception_group.hpp>

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <libasync/error.hpp>

#include <tests/support/expect.hpp>

using namespace async;
using async_tests::what_of;

namespace {

std::exception_ptr failure(std::string what) { return std::make_exception_ptr(std::runtime_error(what)); }

std::exception_ptr system_failure(std::errc code) {
    return std::make_exception_ptr(std::system_error(std::make_error_code(code), "connect"));
}

exception_group sample() {
    const exception_group inner("inner", {failure("two"), system_failure(std::errc::timed_out)});
    return {"outer", {failure("one"), std::make_exception_ptr(inner), system_failure(std::errc::broken_pipe)}};
}

std::vector<std::string> whats(const std::vector<std::exception_ptr>& failures) {
    std::vector<std::string> texts;
    for (const auto& f : failures) texts.push_back(what_of(f));
    return texts;
}

}  // namespace

TEST_CASE("a group says how many failures it holds and what the first of them says") {
    CHECK(std::string(sample().what()) == "outer: 3 failures, the first: one");
    CHECK(std::string(exception_group("g", {failure("only")}).what()) == "g: 1 failure: only");
    CHECK(sample().message() == "outer");
    CHECK(sample().size() == 3);
    CHECK(what_of(sample().exceptions()[0]) == "one");
}

TEST_CASE("a group without failures, or with one that is null, is refused") {
    CHECK_THROWS_AS(exception_group("g", {}), std::invalid_argument);
    CHECK_THROWS_AS(exception_group("g", {nullptr}), std::invalid_argument);
}

TEST_CASE("the tree shows each failure on a line, groups inside with theirs below") {
    const exception_group inner("inner", {failure("two"), failure("of\nthree lines\nin all")});
    const exception_group outer("outer", {std::make_exception_ptr(inner), std::make_exception_ptr(4)});
    CHECK(outer.tree() ==
          "outer (2 failures)\n"
          "├─ inner (2 failures)\n"
          "│  ├─ two\n"
          "│  └─ of\n"
          "│     three lines\n"
          "│     in all\n"
          "└─ an exception of unknown type\n");
}

TEST_CASE("leaves are the failures that are no groups") {
    CHECK(whats(sample().leaves()).size() == 4);
    CHECK(whats(sample().leaves())[1] == "two");
}

TEST_CASE("split parts the leaves by type and keeps the shape of the tree") {
    const auto [matched, rest] = sample().split<std::system_error>();
    REQUIRE(matched.has_value());
    REQUIRE(rest.has_value());
    CHECK(matched->message() == "outer");
    CHECK(matched->leaves().size() == 2);
    CHECK(matched->size() == 2);  // the inner group, and its own
    CHECK(whats(rest->leaves()) == std::vector<std::string>{"one", "two"});
    CHECK(rest->tree() ==
          "outer (2 failures)\n"
          "├─ one\n"
          "└─ inner (1 failure)\n"
          "   └─ two\n");
}

TEST_CASE("a split that matches nothing, or everything, leaves the other side empty") {
    const auto none = sample().split<std::bad_alloc>();
    CHECK_FALSE(none.matched.has_value());
    REQUIRE(none.rest.has_value());
    CHECK(none.rest->tree() == sample().tree());
    const auto all = sample().split<std::exception>();
    CHECK_FALSE(all.rest.has_value());
    REQUIRE(all.matched.has_value());
    CHECK(all.matched->leaves().size() == 4);
}

TEST_CASE("split_if asks a condition of one's own; an empty one is refused") {
    const auto parts = sample().split_if([](const std::exception_ptr& f) { return what_of(f) == "two"; });
    CHECK(parts.matched->leaves().size() == 1);
    CHECK(parts.rest->leaves().size() == 3);
    CHECK_THROWS_AS(static_cast<void>(sample().split_if({})), std::invalid_argument);
}

TEST_CASE("contains looks into the groups inside") {
    CHECK(sample().contains<std::system_error>());
    CHECK(sample().contains<std::runtime_error>());
    CHECK_FALSE(sample().contains<std::bad_alloc>());
}

TEST_CASE("rethrow_if_single throws the only leaf, however deep, and else does nothing") {
    const exception_group inner("inner", {failure("deep")});
    const exception_group outer("outer", {std::make_exception_ptr(inner)});
    CHECK_THROWS_WITH_AS(outer.rethrow_if_single(), "deep", std::runtime_error);
    CHECK_NOTHROW(sample().rethrow_if_single());
}

TEST_CASE("copies share what they hold, and outlive the original") {
    auto* original = new exception_group(sample());
    const exception_group copy(*original);
    delete original;
    CHECK(copy.size() == 3);
    static_assert(std::is_nothrow_copy_constructible_v<exception_group>);
}
