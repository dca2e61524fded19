#include <libasync/coro/thread_pool.hpp>

#include <libasync/io/thread_pool.hpp>

namespace async::inline v0 {

namespace {

unsigned checked(unsigned threads) {
    if (threads == 0) throw std::invalid_argument("thread_pool: at least one thread is needed");
    return threads;
}

}  // namespace

thread_pool::thread_pool(unsigned threads)
    : pool_(std::make_shared<io::thread_pool>(checked(threads))),
      threads_(threads) {}

thread_pool::~thread_pool() { pool_->close(); }

}  // namespace async::inline v0
