// What the kits of this directory throw when something does not do what it promises.
#pragma once

#include <source_location>
#include <stdexcept>
#include <string_view>

#include <libasync/config.hpp>

namespace async::inline v0::testing {

class LIBASYNC_EXPORT check_failure : public std::logic_error {
public:
    // `requirement` says what must hold, `detail` what was found instead. Both stand in the message, with the place.
    check_failure(std::string_view requirement, std::string_view detail,
                  std::source_location where = std::source_location::current());
    check_failure(const check_failure&) = default;
    check_failure& operator=(const check_failure&) = default;
    ~check_failure() override;

    const std::source_location& where() const noexcept { return where_; }

private:
    std::source_location where_;
};

}  // namespace async::inline v0::testing
