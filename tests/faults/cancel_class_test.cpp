// The cancel class that the comment of each public awaitable states is the one that it has: derived here from what
// happens when it is cancelled.
//
//   lossless:  it breaks off without effect, and whoever repeats it misses nothing
//   poisoning: it breaks off half done, and its object refuses more
//   deferred:  it is waited for, whatever the cancellation: for work that is on its way already
//   inherited: that of what it is made of
#include <doctest/doctest.h>

#include <sstream>

#include <tests/support/cancel_class_probes.hpp>
#include <tests/support/cancel_classes.hpp>

using namespace async_tests;

TEST_CASE("the cancel class that the comment of each awaitable states is the one that it has") {
    auto table = cancel_class_probes::all();
    for (const documented_awaitable& a : header_reader::read(LIBASYNC_SOURCE_DIR "/libasync")) {
        CAPTURE(a.name);
        CHECK_MESSAGE(!a.cancel_class.empty(), "no cancel class is stated");
        const auto entry = table.find(a.name);
        CHECK_MESSAGE(entry != table.end(), "this test does not know it");
        if (entry == table.end()) continue;
        const std::string derived = entry->second();
        table.erase(entry);
        if (derived == "never waits") {
            MESSAGE(a.name << " never waits on this engine: nothing to compare with " << a.cancel_class);
        } else {
            CHECK(derived == a.cancel_class);
        }
    }
    for (const auto& [name, unused] : table) CHECK_MESSAGE(false, name << " is not found in the headers");
}

TEST_CASE("the reader of headers finds what is public and gives something to await") {
    std::istringstream text(R"(
namespace detail {
task<void> inner();
}  // namespace detail

// Cancel class: lossless.
template <class T>
detail::some_description free_function(T t) noexcept { return {}; }

class [[nodiscard("x")]] thing {
public:
    // Does it. Cancel class: poisoning, if
    // half done.
    auto first() noexcept { return detail::description(); }

    task<void> undocumented();

    // Cancel class: that of `t`.
    static task<int> first(int t);
    detail::block* no_awaitable() const;
    auto operator co_await() & = delete;

private:
    task<void> hidden();
};
)");
    const auto found = header_reader::read_text(text);
    REQUIRE(found.size() == 4);
    CHECK(found[0].name == "free_function");
    CHECK(found[0].cancel_class == "lossless");
    CHECK(found[1].name == "thing::first");
    CHECK(found[1].cancel_class == "poisoning");
    CHECK(found[2].name == "thing::undocumented");
    CHECK(found[2].cancel_class.empty());
    CHECK(found[3].name == "thing::first#2");
    CHECK(found[3].cancel_class == "inherited");
}
