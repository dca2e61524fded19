#include <libasync/sim/disk.hpp>

#include <system_error>

#include <libasync/io/sim/sim_engine.hpp>

namespace async::inline v0::sim {

namespace {

io::sim::file_system& files_of(const char* operation) { return detail::require_sim(operation).world().files; }

void check(int error, const char* operation, std::string_view path) {
    if (error == 0) return;
    throw std::system_error(error, std::generic_category(), std::string(operation) + " '" + std::string(path) + "'");
}

}  // namespace

void create_directory(std::string_view path) {
    constexpr const char* operation = "sim::create_directory";
    check(files_of(operation).create_directory(path), operation, path);
}

void store_file(std::string_view path, const_bytes content) {
    constexpr const char* operation = "sim::store_file";
    check(files_of(operation).store(path, content), operation, path);
}

std::optional<std::string> load_file(std::string_view path) { return files_of("sim::load_file").load(path); }

void remove_file(std::string_view path) {
    constexpr const char* operation = "sim::remove_file";
    check(files_of(operation).remove(path), operation, path);
}

bool file_exists(std::string_view path) { return files_of("sim::file_exists").exists(path); }

void crash_disk(crash_loss loss) { files_of("sim::crash_disk").crash(loss); }

void set_disk_size(std::uint64_t bytes) { files_of("sim::set_disk_size").set_capacity(bytes); }

}  // namespace async::inline v0::sim
