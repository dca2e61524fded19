#include <libasync/coro/generator.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

static_assert(!std::is_copy_constructible_v<generator<int>>);
static_assert(std::is_nothrow_move_constructible_v<generator<int>>);
static_assert(std::is_nothrow_move_assignable_v<generator<int>>);

// What stands between a body and its caller is copied bit by bit without harm, and awaiters are pinned.
using next_of_string = decltype(std::declval<generator<std::string>&>().next());
static_assert(std::is_trivially_copyable_v<next_of_string>);
static_assert(!std::is_move_constructible_v<decltype(std::declval<next_of_string>().operator co_await())>);
static_assert(!std::is_aggregate_v<decltype(std::declval<next_of_string>().operator co_await())>);

template <class Promise>
concept takes_result = requires(Promise& p) {
    p.return_value(1);
};
static_assert(!takes_result<generator<int>::promise_type>);

template <class Promise, class Item>
concept takes_item = requires(Promise& p, Item item) {
    p.yield_value(std::forward<Item>(item));
};
static_assert(takes_item<generator<long>::promise_type, int>);
static_assert(!takes_item<generator<int>::promise_type, std::string>);
static_assert(!takes_item<generator<std::unique_ptr<int>>::promise_type, int*>);  // not what must be asked for
static_assert(takes_item<generator<int&>::promise_type, int&>);
static_assert(!takes_item<generator<int&>::promise_type, int&&>);
static_assert(!takes_item<generator<int&>::promise_type, const int&>);
static_assert(takes_item<generator<const int&>::promise_type, int&&>);

namespace {

generator<int> count_to(int n) {
    for (int i = 1; i <= n; ++i) co_yield i;
}

generator<int> count_slowly_to(int n) {
    for (int i = 1; i <= n; ++i) {
        co_await yield();
        co_yield i;
    }
}

template <class T>
task<std::vector<T>> all_of(generator<T> gen) {
    std::vector<T> items;
    while (auto item = co_await gen.next()) items.push_back(std::move(*item));
    co_return items;
}

// Tells when it comes to its end, in whatever way.
struct note_end {
    note_end(std::string& t, char c) : text(t), mark(c) {}
    note_end(const note_end&) = delete;
    note_end& operator=(const note_end&) = delete;
    ~note_end() { text += mark; }
    std::string& text;
    char mark;
};

}  // namespace

TEST_CASE("a generator gives its items in order, and then nothing, however often it is asked") {
    on_every_engine([]() -> task<void> {
        for (auto make : {count_to, count_slowly_to}) {
            auto gen = make(3);
            for (int i = 1; i <= 3; ++i) {
                const std::optional<int> item = co_await gen.next();
                CHECK(item == i);
            }
            for (int i = 0; i < 3; ++i) {
                const std::optional<int> end = co_await gen.next();
                CHECK_FALSE(end.has_value());
            }
        }
        auto none = count_to(0);
        const std::optional<int> end = co_await none.next();
        CHECK_FALSE(end.has_value());
    });
}

TEST_CASE("a generator is lazy: its body begins with the first next, and goes on with each further one") {
    on_every_engine([]() -> task<void> {
        std::string notes;
        auto body = [](std::string& notes) -> generator<int> {
            notes += 'a';
            co_yield 1;
            notes += 'b';
            co_yield 2;
            notes += 'c';
        };
        auto gen = body(notes);
        co_await yield();
        CHECK(notes.empty());
        static_cast<void>(co_await gen.next());
        co_await yield();
        CHECK(notes == "a");
        static_cast<void>(co_await gen.next());
        CHECK(notes == "ab");
        static_cast<void>(co_await gen.next());
        CHECK(notes == "abc");
    });
}

TEST_CASE("items may be move-only, without default constructor, optional, pairs, or converted from something else") {
    on_every_engine([]() -> task<void> {
        auto pointers = []() -> generator<std::unique_ptr<int>> {
            auto p = std::make_unique<int>(1);
            co_yield std::move(p);
            CHECK_FALSE(static_cast<bool>(p));
            co_yield std::make_unique<int>(2);
        };
        const auto two = co_await all_of(pointers());
        REQUIRE(two.size() == 2);
        CHECK(*two[0] + *two[1] == 3);

        struct no_default {
            explicit no_default(int v) : value(v) {}
            int value;
        };
        auto explicit_ones = []() -> generator<no_default> { co_yield no_default(9); };
        const auto nine = co_await all_of(explicit_ones());
        CHECK(nine.at(0).value == 9);

        auto options = []() -> generator<std::optional<int>> {
            co_yield std::nullopt;
            co_yield 4;
        };
        const auto both = co_await all_of(options());
        REQUIRE(both.size() == 2);
        CHECK_FALSE(both[0].has_value());
        CHECK(both[1] == 4);

        auto pairs = []() -> generator<std::pair<int, std::string>> {
            co_yield {3, "three"};
            const std::pair<int, const char*> four(4, "four");
            co_yield four;
        };
        const auto named = co_await all_of(pairs());
        REQUIRE(named.size() == 2);
        CHECK(named[0].second + named[1].second == "threefour");

        auto texts = []() -> generator<std::string> {
            co_yield "from a literal that is a good deal longer than any small string";
            co_yield {};
        };
        const auto lines = co_await all_of(texts());
        REQUIRE(lines.size() == 2);
        CHECK(lines[0].size() == 63);
        CHECK(lines[1].empty());
    });
}

TEST_CASE("references are given as reference wrappers, and refer to what the body yields") {
    on_every_engine([]() -> task<void> {
        auto doubled = [](std::vector<int>& numbers) -> generator<int&> {
            for (int& n : numbers) {
                co_yield n;
                n *= 2;
            }
        };
        std::vector<int> numbers{1, 2, 3};
        auto gen = doubled(numbers);
        std::size_t i = 0;
        while (auto n = co_await gen.next()) {
            CHECK(&n->get() == &numbers[i++]);
            n->get() += 10;
        }
        CHECK(numbers == std::vector<int>{22, 24, 26});

        auto temporaries = [](std::string text) -> generator<const std::string&> {
            co_yield text;
            co_yield text + "!";
            co_yield "a literal, of which a temporary string is made that is not small";
        };
        auto strings = temporaries("a text that is long enough to be kept somewhere else");
        std::size_t sum = 0;
        while (auto text = co_await strings.next()) {
            co_await yield();
            sum += text->get().size();
        }
        CHECK(sum == 52 + 53 + 64);
    });
}

TEST_CASE("an lvalue is copied by the co_yield, an rvalue moved; next moves the item out") {
    on_every_engine([]() -> task<void> {
        counted::reset();
        auto body = []() -> generator<counted> {
            counted one(1);
            co_yield one;
            CHECK(one.value == 1);
            co_yield std::move(one);
            CHECK(one.value == -1);
            co_yield counted(3);
        };
        {
            auto gen = body();
            for (const int value : {1, 1, 3}) {
                const auto item = co_await gen.next();
                REQUIRE(item.has_value());
                CHECK(item->value == value);
            }
            CHECK(counted::alive() == 2);  // `one`, and the temporary of the last co_yield
            static_cast<void>(co_await gen.next());
            CHECK(counted::alive() == 0);
        }
        CHECK(counted::alive() == 0);
    });
}

TEST_CASE("what the body throws comes out of next, suspended or not; then the generator is over") {
    on_every_engine([]() -> task<void> {
        for (const bool late : {false, true}) {
            for (const int items : {0, 2}) {
                auto body = [](int items, bool late) -> generator<int> {
                    const counted local;
                    for (int i = 0; i < items; ++i) co_yield i;
                    if (late) co_await yield();
                    throw std::runtime_error("broke");
                };
                counted::reset();
                auto gen = body(items, late);
                for (int i = 0; i < items; ++i) static_cast<void>(co_await gen.next());
                const std::string message = co_await message_of(gen.next());
                CHECK(message == "broke");
                CHECK(counted::made == 1);
                CHECK(counted::alive() == 0);
                const std::optional<int> end = co_await gen.next();
                CHECK_FALSE(end.has_value());
            }
        }
    });
}

namespace {

struct fragile {
    enum class breaks { copied, moved_twice };

    explicit fragile(breaks w) : when(w) {}
    fragile(const fragile& other) : when(other.when) {
        if (when == breaks::copied) throw std::runtime_error("copied");
    }
    fragile(fragile&& other) : when(other.when), moves(other.moves + 1) {
        if (when == breaks::moved_twice && moves == 2) throw std::runtime_error("moved");
    }

    breaks when;
    int moves = 0;
};

}  // namespace

TEST_CASE("an item whose copy fails is thrown at the co_yield; one that cannot be moved out is lost alone") {
    on_every_engine([]() -> task<void> {
        auto copy = []() -> generator<fragile> {
            const fragile item(fragile::breaks::copied);
            try {
                co_yield item;
            } catch (const std::runtime_error&) {
            }
            co_yield fragile(fragile::breaks::copied);
        };
        const auto one = co_await all_of(copy());
        CHECK(one.size() == 1);

        auto move = []() -> generator<fragile> {
            co_yield fragile(fragile::breaks::moved_twice);
            co_yield fragile(fragile::breaks::copied);
        };
        auto gen = move();
        const std::string message = co_await message_of(gen.next());
        CHECK(message == "moved");
        const auto next = co_await gen.next();
        REQUIRE(next.has_value());
        CHECK(next->when == fragile::breaks::copied);
        const auto end = co_await gen.next();
        CHECK_FALSE(end.has_value());
    });
}

TEST_CASE("a generator that is never asked frees its frame and parameters; its body never runs") {
    auto body = [](counted c) -> generator<int> {
        FAIL("it runs");
        co_yield c.value;
    };
    counted::reset();
    {
        auto gen = body(counted(7));
        CHECK(counted::alive() == 1);
        gen = body(counted(7));
        CHECK(counted::alive() == 1);
        gen = {};
        CHECK(counted::alive() == 0);
    }
    CHECK(counted::made > 0);
}

TEST_CASE("a generator that is dropped at a co_yield runs the destructors of its body, the last first, and no more") {
    on_every_engine([]() -> task<void> {
        std::string notes;
        auto body = [](std::string& notes) -> generator<int> {
            const note_end first(notes, 'a');
            try {
                const note_end second(notes, 'b');
                co_yield 1;
                notes += '?';
            } catch (...) {
                notes += '!';
            }
        };
        {
            auto gen = body(notes);
            static_cast<void>(co_await gen.next());
            CHECK(notes.empty());
        }
        CHECK(notes == "ba");
    });
}

TEST_CASE("the frame of a body that has ended is freed at once, with its parameters") {
    on_every_engine([]() -> task<void> {
        counted::reset();
        auto body = [](counted) -> generator<int> { co_yield 1; };
        auto gen = body(counted(7));
        static_cast<void>(co_await gen.next());
        CHECK(counted::alive() == 1);
        static_cast<void>(co_await gen.next());
        CHECK(counted::alive() == 0);
    });
}

TEST_CASE("generators take generators: a pipeline gives each item when it is asked for") {
    on_every_engine([]() -> task<void> {
        auto odd = [](generator<int> source) -> generator<int> {
            while (auto n = co_await source.next()) {
                if (*n % 2 == 1) co_yield *n;
            }
        };
        auto square = [](generator<int> source) -> generator<long> {
            while (auto n = co_await source.next()) co_yield long{*n} * *n;
        };
        for (auto make : {count_to, count_slowly_to}) {
            const auto items = co_await all_of(square(odd(make(6))));
            CHECK(items == std::vector<long>{1, 9, 25});
        }
    });
}

namespace {

struct tree {
    int value;
    std::unique_ptr<tree> left;
    std::unique_ptr<tree> right;
};

std::unique_ptr<tree> balanced(int from, int to) {
    if (from > to) return nullptr;
    const int middle = (from + to) / 2;
    auto root = std::make_unique<tree>();
    root->value = middle;
    root->left = balanced(from, middle - 1);
    root->right = balanced(middle + 1, to);
    return root;
}

generator<int> in_order(const tree* t) {
    if (t == nullptr) co_return;
    auto left = in_order(t->left.get());
    while (auto n = co_await left.next()) co_yield *n;
    co_yield t->value;
    auto right = in_order(t->right.get());
    while (auto n = co_await right.next()) co_yield *n;
}

}  // namespace

TEST_CASE("generators may be recursive") {
    on_every_engine([]() -> task<void> {
        const auto root = balanced(1, 100);
        const auto items = co_await all_of(in_order(root.get()));
        REQUIRE(items.size() == 100);
        for (int i = 0; i < 100; ++i) CHECK(items[static_cast<std::size_t>(i)] == i + 1);
    });
}

TEST_CASE("items that are there at once are given in place: no step of the loop passes") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const auto before = s.loop().statistics().steps;
        const auto items = co_await all_of(count_to(100));
        CHECK(items.size() == 100);
        CHECK(s.loop().statistics().steps == before);
    }(s));
}

// GCC 12 copies some class temporaries bit by bit, and destroys both, in a full expression with an await: what is
// natural in and around a generator must not be among them.
namespace {

const std::string long_text = "a string that is too long to be kept in place by any standard library";

task<std::string> echo(std::string text) {
    co_await yield();
    co_return text;
}

task<counted> make_counted(int value) {
    co_await yield();
    co_return counted(value);
}

// Runs the body on every engine, and finds each object destroyed once afterwards.
template <class Body>
void check_balance(Body body) {
    counted::reset();
    on_every_engine(body);
    CHECK(counted::made > 0);
    CHECK(counted::alive() == 0);
}

}  // namespace

TEST_CASE("natural shapes: what is yielded may be a temporary, an expression, the result of an await") {
    check_balance([]() -> task<void> {
        auto body = [](int n) -> generator<counted> {
            co_yield counted(n);
            co_yield co_await make_counted(n + 1);
            co_yield counted((co_await make_counted(n + 2)).value);
            const counted local(n + 3);
            co_yield local;
            co_yield counted(local);
        };
        int sum = 0;
        auto gen = body(1);
        while (auto item = co_await gen.next()) sum += item->value;
        CHECK(sum == 1 + 2 + 3 + 4 + 4);
    });
    on_every_engine([]() -> task<void> {
        auto body = []() -> generator<std::string> {
            co_yield std::string(long_text);
            co_yield long_text + "!";
            co_yield co_await echo(long_text);
            co_yield co_await echo(long_text) + co_await echo("?");
            co_yield std::string(100, 'x').append(co_await echo(long_text));
            std::string text = long_text;
            co_yield std::move(text);
        };
        std::size_t size = 0;
        auto gen = body();
        while (auto item = co_await gen.next()) size += item->size();
        CHECK(size == 6 * long_text.size() + 102);
    });
}

namespace {

struct row {
    int number;
    counted content;
};

row make_row(int number) { return {number, counted(number)}; }

task<row> make_row_later(int number) {
    co_await yield();
    co_return make_row(number);
}

}  // namespace

TEST_CASE("natural shapes: an aggregate comes from a variable, from a function, or from an await") {
    check_balance([]() -> task<void> {
        auto body = []() -> generator<row> {
            row first{1, counted(1)};
            co_yield std::move(first);
            const row second{2, counted(2)};
            co_yield second;
            co_yield make_row(3);
            co_yield make_row((co_await make_counted(4)).value);
            co_yield co_await make_row_later(5);
        };
        int number = 0;
        auto gen = body();
        while (auto item = co_await gen.next()) {
            ++number;
            CHECK(item->number == number);
            CHECK(item->content.value == number);
        }
        CHECK(number == 5);
    });
}

TEST_CASE("natural shapes: a next may stand in conditions, among arguments, in time-outs, and its item be used there") {
    check_balance([]() -> task<void> {
        auto body = [](counted c) -> generator<counted> {
            for (;;) {
                co_await yield();
                co_yield c;
            }
        };
        auto add = [](const counted& a, int b) { return a.value + b; };
        auto gen = body(counted(2));
        if ((co_await gen.next())->value != 2) FAIL("lost");
        int sum = add(counted(1), (co_await gen.next())->value);
        sum += (co_await gen.next())->value + (co_await gen.next())->value;
        const counted item = (co_await gen.next()).value();
        sum += item.value;
        const auto timed = co_await timeout(10s, gen.next());
        sum += timed->value;
        const auto [a, b] = co_await gather(body(counted(3)).next(), make_counted(4));
        CHECK(b.value == 4);
        CHECK(sum == 3 + 4 + 2 + 2);
        co_await gen.close();
    });
}
