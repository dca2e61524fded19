// How buffered reads fail, beside the errors of the stream itself.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <system_error>

#include <libasync/config.hpp>

namespace async::inline v0 {

// The stream has ended before all was there that was asked for: errc::incomplete. asyncio.IncompleteReadError.
class LIBASYNC_EXPORT incomplete_read : public std::system_error {
public:
    // `what` names operation and object. Throws std::bad_alloc.
    incomplete_read(const std::string& what, std::string partial, std::size_t expected);
    ~incomplete_read() override;

    // What came before the end; the stream does not have it any more.
    const std::string& partial() const noexcept;

    // Bytes that were asked for; 0 if that was not a number of bytes.
    std::size_t expected() const noexcept { return expected_; }

private:
    std::shared_ptr<const void> partial_;  // a std::string; this type of pointer the compiler knows already
    std::size_t expected_;
};

// What was asked for is longer than the limit: errc::limit_overrun. asyncio.LimitOverrunError.
class LIBASYNC_EXPORT limit_overrun : public std::system_error {
public:
    // `what` names operation and object. Throws std::bad_alloc.
    limit_overrun(const std::string& what, std::size_t consumed);
    ~limit_overrun() override;

    // Bytes at the front of the stream that are certainly before the separator: read_exactly(consumed()) skips them.
    std::size_t consumed() const noexcept { return consumed_; }

private:
    std::size_t consumed_;
};

}  // namespace async::inline v0
