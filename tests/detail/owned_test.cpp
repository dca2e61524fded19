#include <libasync/detail/owned.hpp>

#include <doctest/doctest.h>

#include <utility>

using async::detail::owned;

namespace {

struct counted {
    explicit counted(int& alive) : alive_(alive) { ++alive_; }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() { --alive_; }

    int& alive_;
};

struct note_release {
    void operator()(int* released) const noexcept { ++*released; }
};

}  // namespace

TEST_CASE("an owner destroys what it has, once, and what it had before it gets something else") {
    int alive = 0;
    {
        owned<counted> a(new counted(alive));
        owned<counted> b = std::move(a);
        CHECK(a == nullptr);
        CHECK(b != nullptr);
        CHECK(alive == 1);
        b.reset(new counted(alive));
        CHECK(alive == 1);
        owned<counted> c(new counted(alive));
        c = std::move(b);
        CHECK(alive == 1);
        owned<counted>& same = c;
        c = std::move(same);
        CHECK(c);
        CHECK(alive == 1);
    }
    CHECK(alive == 0);
}

TEST_CASE("what was released is the caller's, and nothing is destroyed by an owner of nothing") {
    int alive = 0;
    owned<counted> a(new counted(alive));
    counted* const taken = a.release();
    CHECK(!a);
    a.reset();
    CHECK(alive == 1);
    delete taken;
    const owned<counted> none = nullptr;
    CHECK(none.get() == nullptr);
}

TEST_CASE("an owner may release in its own way, and does so only for something") {
    int released = 0;
    {
        owned<int, note_release> a(&released);
        owned<int, note_release> b;
        b = std::move(a);
    }
    CHECK(released == 1);
}
