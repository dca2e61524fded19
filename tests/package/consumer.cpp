#include <libasync/async.hpp>

namespace {

async::task<int> answer() { co_return 42; }

async::task<int> main_task() { co_return co_await answer(); }

}  // namespace

int main() { return async::run(main_task()) == 42 ? 0 : 1; }
