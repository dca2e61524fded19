// Where the library says what it cannot return: which engine runs and why, failures of detached tasks, slow steps.
#pragma once

#include <string_view>

#include <libasync/detail/unique_function.hpp>

namespace async::inline v0 {

enum class log_level : unsigned char { info, warning, error };

using log_handler = unique_function<void(log_level, std::string_view)>;

// Replaces the handler of the whole process; the default writes one line to standard error. An empty handler
// restores the default. The handler may be called from any thread, one call at a time; what it throws is dropped, and
// what it logs itself goes to standard error. It may replace itself: the new one begins with the next message.
void set_log_handler(log_handler handler);

namespace detail {

void log(log_level level, std::string_view message) noexcept;

}  // namespace detail

}  // namespace async::inline v0
