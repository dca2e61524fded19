// Several small writes that leave by one system call.
//
//   async::cork_guard cork = stream.cork();
//   co_await stream.write(head);
//   for (const auto& part : parts) co_await stream.write(part);
//   co_await cork.flush();
#pragma once

#include <libasync/net/stream_operations.hpp>

namespace async::inline v0 {

// While it lives, writes to the stream are copied and complete at once, until 64 KiB are there: the write that reaches
// them sends all. What is left when it goes is sent as far as it goes without waiting; the rest leaves before the next
// write. `flush` waits for it: only that tells of an error, and is back-pressure.
class [[nodiscard("writes are joined while the guard lives")]] cork_guard {
public:
    // Throws std::system_error: errc::closed, or errc::busy if there is a guard already; std::bad_alloc.
    explicit cork_guard(detail::stream_state* stream);
    cork_guard(cork_guard&& other) noexcept = default;
    cork_guard& operator=(cork_guard&&) = delete;
    ~cork_guard();

    // Sends what was joined, and completes when the system has taken it. May be repeated. Cancel class: poisoning, if a
    // part was sent; else what was joined waits for the next flush or write.
    auto flush() noexcept { return detail::flush_description(stream_.get()); }

private:
    detail::stream_ref stream_;
};

}  // namespace async::inline v0
