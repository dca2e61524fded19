// Waits until a descriptor of another library is ready: the call itself is the caller's.
//
//   while (PQconsumeInput(connection) && PQisBusy(connection)) co_await async::readable(PQsocket(connection));
#pragma once

#include <string>

#include <libasync/coro/io_awaiter.hpp>

namespace async::inline v0 {

namespace detail {

struct [[nodiscard("a wait happens when it is awaited")]] readiness_description
    : io_description<readiness_description> {
    using operation = io::wait_op;
    using value_type = void;

    readiness_description(native_handle h, io::readiness r) noexcept : handle(h), awaited(r) {}
    operation make() const noexcept { return {handle, awaited}; }
    void finish(operation&) const noexcept {}
    std::string what() const;
    auto operator co_await() const noexcept { return io_wait_awaiter<readiness_description>(*this); }

    native_handle handle;
    io::readiness awaited;
};

}  // namespace detail

// Completes when a read of `handle` would not wait: data, the end, or an error is there (poll(2)); at once for files.
// Takes nothing, so others may be faster, and select may be asked for it. The handle must stay open until then; it may
// be one that a stream of the library has. One wait per handle in a simulated world: another one gets errc::busy. Not
// on Windows: function_not_supported. Throws std::system_error, for example bad_file_descriptor.
// Cancel class: lossless.
inline auto readable(native_handle handle) noexcept {
    return detail::readiness_description(handle, io::readiness::readable);
}

// The same for a write. Cancel class: lossless.
inline auto writable(native_handle handle) noexcept {
    return detail::readiness_description(handle, io::readiness::writable);
}

}  // namespace async::inline v0
