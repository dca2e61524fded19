// Says what was being tried when the program dies.
#pragma once

#include <string_view>

#include <libasync/config.hpp>

namespace async::inline v0::testing::internal {

// While it lives, its text is printed if the program aborts or crashes; then whoever handled that before takes over.
// One at a time.
class crash_note {
public:
    explicit crash_note(std::string_view text) noexcept;
    crash_note(const crash_note&) = delete;
    crash_note& operator=(const crash_note&) = delete;
    ~crash_note();

    // Ends the program with the text of the note that lives, and `why`.
    [[noreturn]] static void abort_with(const char* why) noexcept;
};

}  // namespace async::inline v0::testing::internal
