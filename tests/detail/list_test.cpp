#include <libasync/detail/list.hpp>

#include <memory>
#include <vector>

#include <doctest/doctest.h>

using async::detail::list;
using async::detail::list_node;

namespace {

struct item : list_node {
    explicit item(int v) : value(v) {}
    int value;
};

std::vector<int> values(list<item>& l) {
    std::vector<int> result;
    for (item* i = l.first(); i; i = l.after(i)) result.push_back(i->value);
    return result;
}

using ints = std::vector<int>;

}  // namespace

TEST_CASE("a list keeps its order at both ends") {
    list<item> l;
    CHECK(l.empty());
    CHECK(l.first() == nullptr);
    item a(1), b(2), c(3);
    CHECK_FALSE(a.linked());
    l.push_back(b);
    l.push_back(c);
    l.push_front(a);
    CHECK(a.linked());
    CHECK(values(l) == ints{1, 2, 3});
    CHECK(l.pop_front() == &a);
    CHECK_FALSE(a.linked());
    CHECK(l.front() == &b);
    CHECK(l.pop_front() == &b);
    CHECK(l.pop_front() == &c);
    CHECK(l.empty());
}

TEST_CASE("a node leaves whatever list it is in") {
    list<item> l;
    item a(1), b(2), c(3);
    for (item* i : {&a, &b, &c}) l.push_back(*i);
    b.unlink();
    CHECK(values(l) == ints{1, 3});
    b.unlink_if_linked();
    a.unlink_if_linked();
    c.unlink_if_linked();
    CHECK(l.empty());
    l.push_back(b);
    CHECK(values(l) == ints{2});
    b.unlink();
}

TEST_CASE("splicing appends and empties the other") {
    list<item> l, other;
    item a(1), b(2), c(3), d(4);
    l.splice_back(other);
    CHECK(l.empty());
    other.push_back(a);
    other.push_back(b);
    l.splice_back(other);
    CHECK(other.empty());
    CHECK(values(l) == ints{1, 2});
    other.push_back(c);
    other.push_back(d);
    l.splice_back(other);
    CHECK(values(l) == ints{1, 2, 3, 4});
    l.splice_back(other);
    CHECK(values(l) == ints{1, 2, 3, 4});
    c.unlink();
    CHECK(values(l) == ints{1, 2, 4});
}
