// The disk of a simulated world, to set the scene and to look at what is on it. Paths that do not begin with a slash
// begin at "/"; "/tmp" is there. All throw std::logic_error outside a simulated loop, and those that change something
// std::system_error with the path.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <libasync/io/sim/file_system.hpp>
#include <libasync/sim/simulation.hpp>

namespace async::inline v0::sim {

void create_directory(std::string_view path);
// Replaces the file's content, on the disk for good.
void store_file(std::string_view path, const_bytes content);
// What readers see now, synced or not; nothing if there is no such file.
std::optional<std::string> load_file(std::string_view path);
void remove_file(std::string_view path);
bool file_exists(std::string_view path);

// all: power fails, and what was not synced is lost. some: a part of it has made it to the disk, page by page.
using crash_loss = io::sim::file_system::loss;
void crash_disk(crash_loss loss = crash_loss::all);

void set_disk_size(std::uint64_t bytes);

}  // namespace async::inline v0::sim
