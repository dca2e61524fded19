// The disk of a simulated world, to set the scene and to look at what is on it. Paths that do not begin with a slash
// begin at "/"; "/tmp" is there. All throw std::logic_error outside a simulated loop, and those that change something
// std::system_error with the path.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <libasync/io/buffer.hpp>
#include <libasync/sim/simulation.hpp>

namespace async::inline v0::sim {

void create_directory(std::string_view path);
// Replaces the file's content, on the disk for good.
void store_file(std::string_view path, const_bytes content);
// What readers see now, synced or not; nothing if there is no such file.
std::optional<std::string> load_file(std::string_view path);
void remove_file(std::string_view path);
bool file_exists(std::string_view path);

// Power fails. Names of files that were never synced are lost as well, with what was in them; open files stay open.
// Directories, and that a file was removed, are on the disk at once.
void crash_disk(crash_loss loss = crash_loss::all);

void set_disk_size(std::uint64_t bytes);

}  // namespace async::inline v0::sim
