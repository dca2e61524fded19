// Files of a test's own: tests run side by side, in one directory.
#pragma once

#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <system_error>

namespace async_tests {

// A directory of its own, removed at the end.
class temporary_directory {
public:
    temporary_directory() {
        std::random_device random;
        path_ = std::filesystem::temp_directory_path() /
                ("libasync-test-" + std::to_string(random()) + std::to_string(random()));
        std::filesystem::create_directory(path_);
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    std::string operator/(std::string_view name) const { return (path_ / name).string(); }
    std::string string() const { return path_.string(); }

private:
    std::filesystem::path path_;
};

}  // namespace async_tests
