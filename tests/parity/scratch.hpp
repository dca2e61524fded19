// Where a behaviour keeps its files, and what it does to them beside the library.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <libasync/loop/options.hpp>

#include <tests/support/files.hpp>

namespace parity {

// An empty directory, in the file system that the engine's files are in.
class scratch {
public:
    explicit scratch(async::engine_kind) : directory_(std::make_unique<async_tests::temporary_directory>()) {}

    std::string directory() const { return directory_->string(); }
    std::string operator/(std::string_view name) const { return *directory_ / name; }

    void make_directory(std::string_view name) const { std::filesystem::create_directory(*this / name); }
    // False if the system refuses.
    bool remove(std::string_view name) const {
        std::error_code error;
        return std::filesystem::remove(*this / name, error);
    }
    bool exists(std::string_view name) const { return std::filesystem::exists(*this / name); }

private:
    std::unique_ptr<async_tests::temporary_directory> directory_;
};

}  // namespace parity
