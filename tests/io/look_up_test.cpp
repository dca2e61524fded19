#include <libasync/io/look_up.hpp>

#include <doctest/doctest.h>

#include <string>
#include <system_error>
#include <vector>

#include <libasync/io/name_query.hpp>

using namespace async;
using namespace async::io;
using namespace std::chrono_literals;

namespace {

struct log {
    std::vector<look_up*> started;
    std::vector<look_up*> forgotten;
    bool refuses = false;
    bool gives_back = false;
};

class fake_source final : public name_source {
public:
    explicit fake_source(log& l) : log_(l) {}
    void start(look_up& l) override {
        if (log_.refuses) throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
        log_.started.push_back(&l);
    }
    bool withdraw(look_up&) noexcept override { return log_.gives_back; }
    void forget(look_up& l) noexcept override { log_.forgotten.push_back(&l); }

private:
    log& log_;
};

const time_point start{1h};

struct fixture {
    log seen;
    name_book book{std::make_unique<fake_source>(seen)};

    look_up_ptr find(const std::string& host, time_point now = start, std::chrono::nanoseconds most_age = 30s) {
        return book.find({host, "", name_families::any}, now, most_age, nullptr);
    }
    void answer(const look_up_ptr& l, std::error_code error = {}, time_point now = start) {
        l->answer.error = error;
        book.answered(*l, now);
    }
};

}  // namespace

TEST_CASE("who asks the same while it is looked up shares the look-up, whatever its age") {
    fixture f;
    const look_up_ptr a = f.find("a");
    CHECK(f.find("a").get() == a.get());
    CHECK(f.find("a", start + 1h, 0s).get() == a.get());
    CHECK(f.find("b").get() != a.get());
    CHECK(f.book.find({"a", "http", name_families::any}, start, 30s, nullptr).get() != a.get());
    CHECK(f.book.find({"a", "", name_families::ipv6}, start, 30s, nullptr).get() != a.get());
    CHECK(f.seen.started.size() == 4);
}

TEST_CASE("an answer is given as long as it is young enough for who asks") {
    fixture f;
    const look_up_ptr a = f.find("a");
    f.answer(a);
    CHECK(f.find("a", start + 29s).get() == a.get());
    CHECK(f.find("a", start, 0s).get() != a.get());
    const look_up_ptr newer = f.find("a", start + 30s);
    CHECK(newer.get() != a.get());
    CHECK(f.book.size() == 1);
}

TEST_CASE("of failures only that there is no such name is remembered, and not for long") {
    fixture f;
    for (const std::error_code lasting :
         {make_error_code(resolve_errc::not_found), make_error_code(resolve_errc::no_address)}) {
        const std::string name = lasting.message();
        const look_up_ptr a = f.find(name);
        f.answer(a, lasting);
        CHECK(f.find(name, start + 1999ms).get() == a.get());
        CHECK(f.find(name, start + 2s).get() != a.get());
    }
    for (const std::error_code passing :
         {make_error_code(resolve_errc::try_again), make_error_code(resolve_errc::failed),
          std::make_error_code(std::errc::not_enough_memory)}) {
        const std::string name = passing.message();
        const look_up_ptr a = f.find(name);
        f.answer(a, passing);
        CHECK(f.find(name).get() != a.get());
    }
}

TEST_CASE("a look-up that cannot begin leaves what was known") {
    fixture f;
    f.answer(f.find("a"));
    f.seen.refuses = true;
    CHECK_THROWS_AS(f.find("b"), std::system_error);
    CHECK(f.book.size() == 1);
    CHECK_THROWS_AS(f.find("a", start + 1h), std::system_error);
    CHECK(f.find("a")->told);
}

TEST_CASE("the oldest answers make room, and none is kept beyond the bound") {
    fixture f;
    std::vector<look_up_ptr> under_way;
    for (std::size_t i = 0; i < 2 * name_book::most_answers; ++i) under_way.push_back(f.find("n" + std::to_string(i)));
    for (std::size_t i = 0; i < under_way.size(); ++i) f.answer(under_way[i], {}, start + std::chrono::seconds(i));
    CHECK(f.book.size() == name_book::most_answers);
    const std::string oldest = f.find("n1024", start + 1025s, 24h)->query.host;
    CHECK(oldest == "n1024");
    CHECK(f.seen.started.size() == under_way.size());
    static_cast<void>(f.find("new"));
    CHECK(f.book.size() == name_book::most_answers);
    static_cast<void>(f.find("n1024", start + 1025s, 24h));
    CHECK(f.seen.started.size() == under_way.size() + 2);
}

TEST_CASE("what nobody waits for any more is dropped if it had not begun") {
    fixture f;
    const look_up_ptr a = f.find("a");
    f.book.nobody_waits(*a);
    CHECK(f.book.size() == 1);
    f.seen.gives_back = true;
    f.book.nobody_waits(*a);
    CHECK(f.book.size() == 0);
}

TEST_CASE("at the end only what is under way is forgotten; answers are forgotten when one asks for it") {
    fixture f;
    f.answer(f.find("a"));
    const look_up_ptr b = f.find("b");
    f.book.forget_answers();
    CHECK(f.book.size() == 1);
    f.answer(f.find("c"));
    f.book.end();
    f.book.end();
    CHECK(f.seen.forgotten == std::vector<look_up*>{b.get()});
}

TEST_CASE("the system knows localhost, and tells what it does not know") {
    const name_answer local = look_up_natively({"localhost", "", name_families::ipv4});
    CHECK_FALSE(local.error);
    CHECK(local.addresses == std::vector<endpoint>{endpoint::loopback(0)});
    CHECK(look_up_natively({"nobody.invalid", "", name_families::any}).error);
    CHECK(look_up_natively({"127.0.0.1", "no-such-service", name_families::any}).error ==
          resolve_errc::unknown_service);
}
