#include <libasync/io/buffer_pool.hpp>

#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

using namespace async;
using namespace async::io;

namespace {

struct abandon {
    void operator()(hot_pool* pool) const { pool->abandon(); }
};
using pool_ptr = std::unique_ptr<hot_pool, abandon>;

chunk fill(hot_pool& pool, std::string_view text) {
    std::memcpy(pool.peek(), text.data(), text.size());
    return pool.take(static_cast<std::uint32_t>(text.size()));
}

}  // namespace

TEST_CASE("a buffer that came back is used next") {
    pool_ptr pool(new hot_pool);
    std::byte* first = pool->peek();
    CHECK(pool->peek() == first);
    chunk a = fill(*pool, "a");
    CHECK(a.data() == first);
    CHECK(pool->peek() != first);
    CHECK(pool->lent() == 1);
    a.release();
    CHECK(pool->lent() == 0);
    CHECK(pool->peek() == first);
}

TEST_CASE("beyond the bound chunks are copies") {
    pool_ptr pool(new hot_pool);
    std::vector<chunk> hoard;
    hoard.reserve(200);
    for (int i = 0; i < 200; ++i) hoard.push_back(fill(*pool, std::to_string(i)));
    CHECK(pool->lent() == hot_pool::max_lent);
    for (int i = 0; i < 200; ++i) CHECK(hoard[static_cast<std::size_t>(i)].text() == std::to_string(i));
    hoard.clear();
    CHECK(pool->lent() == 0);
}

TEST_CASE("a chunk may be given back on any thread") {
    pool_ptr pool(new hot_pool);
    std::vector<std::thread> threads;
    for (int round = 0; round < 50; ++round) {
        for (int i = 0; i < 4; ++i) threads.emplace_back([c = fill(*pool, "x")]() mutable { c.release(); });
        pool->collect();
        for (std::thread& t : threads) t.join();
        threads.clear();
    }
    pool->collect();
    CHECK(pool->lent() == 0);
}

TEST_CASE("a pool outlives its loop until the last chunk is back") {
    for (int round = 0; round < 50; ++round) {
        std::vector<std::thread> threads;
        threads.reserve(4);
        pool_ptr pool(new hot_pool);
        chunk kept = fill(*pool, "kept");
        for (int i = 0; i < 4; ++i) threads.emplace_back([c = fill(*pool, "x")]() mutable { c.release(); });
        pool.reset();
        CHECK(kept.text() == "kept");
        kept.release();
        for (std::thread& t : threads) t.join();
    }
}

TEST_CASE("a chunk is moved, shortened and given up") {
    chunk a = chunk::copy_of("hello");
    CHECK(a.size() == 5);
    a.remove_prefix(2);
    CHECK(a.text() == "llo");
    chunk b = std::move(a);
    CHECK(a.empty());  // NOLINT(bugprone-use-after-move): that is the rule
    CHECK(b.text() == "llo");
    b = chunk::copy_of("other");
    CHECK(b.text() == "other");
    chunk& same = b;
    b = std::move(same);
    CHECK(b.text() == "other");
    b.release();
    CHECK(b.empty());
    CHECK(chunk::copy_of("").empty());
    CHECK(chunk().empty());
}
