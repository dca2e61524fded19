// Files of a test's own: tests run side by side, in one directory.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <system_error>

#include <tests/support/system.hpp>

namespace async_tests {

// An empty directory of its own, removed at the end: on the disk, or on the simulated one where the engine is.
class temporary_directory {
public:
    explicit temporary_directory(async::engine_kind engine = async::engine_kind::automatic)
        : simulated_(engine == async::engine_kind::automatic ? on_sim() : engine == async::engine_kind::sim) {
        std::random_device random;
        const std::string name = "libasync-test-" + std::to_string(random()) + std::to_string(random());
        if (simulated_) {
            path_ = "/tmp/" + name;
            disk().create_directory(path_);
        } else {
            const std::filesystem::path path = std::filesystem::temp_directory_path() / name;
            std::filesystem::create_directory(path);
            path_ = path.string();
        }
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory() {
        std::error_code ignored;
        if (simulated_) {
            disk().remove_all(path_);
        } else {
            std::filesystem::remove_all(path_, ignored);
        }
    }

    std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
    const std::string& string() const { return path_; }

    // In place, beside the library. The names are those of files in this directory.
    void make_directory(std::string_view name) const {
        if (simulated_) {
            disk().create_directory(*this / name);
        } else {
            std::filesystem::create_directory(*this / name);
        }
    }
    // False if the system refuses.
    bool remove(std::string_view name) const {
        std::error_code error;
        if (simulated_) return disk().remove(*this / name) == 0;
        return std::filesystem::remove(*this / name, error);
    }
    bool exists(std::string_view name) const {
        return simulated_ ? disk().exists(*this / name) : std::filesystem::exists(*this / name);
    }
    void store(std::string_view name, const std::string& content) const {
        if (simulated_) {
            disk().store(*this / name, content);
        } else {
            std::ofstream(*this / name, std::ios::binary) << content;
        }
    }
    // Empty if there is no such file.
    std::string load(std::string_view name) const {
        if (simulated_) return disk().load(*this / name).value_or("");
        std::ifstream in(*this / name, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

private:
    static async::io::sim::file_system& disk() { return async::io::sim::world_of_thread()->files; }

    const bool simulated_;
    std::string path_;
};

}  // namespace async_tests
