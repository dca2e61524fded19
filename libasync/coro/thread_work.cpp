#include <libasync/coro/thread_work.hpp>

#include <string>
#include <system_error>

namespace async::inline v0::detail {

void throw_no_work(const io::work_op& op, const char* operation) {
    if (op.code() == errc::closed) throw std::logic_error(std::string(operation) + ": the pool was destroyed");
    throw std::system_error(op.code(), operation);
}

}  // namespace async::inline v0::detail
