#include <libasync/io/sim/file_system.hpp>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <vector>

#include <libasync/io/sim/world.hpp>

namespace async::inline v0::io::sim {

namespace {

constexpr std::size_t longest_name = 255;
constexpr std::size_t longest_path = 4095;
constexpr std::uint64_t largest_file = std::uint64_t{1} << 44;

bool too_long(std::string_view path) noexcept {
    if (path.size() > longest_path) return true;
    std::size_t name = 0;
    for (const char c : path) {
        name = c == '/' ? 0 : name + 1;
        if (name > longest_name) return true;
    }
    return false;
}

std::string parent_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
}

bool may_read(open_mode mode) noexcept {
    return mode == open_mode::read || mode == open_mode::read_write || mode == open_mode::create_new;
}

bool creates(open_mode mode) noexcept {
    return mode == open_mode::write || mode == open_mode::append || mode == open_mode::create_new;
}

}  // namespace

file_system::file_system(world& w) noexcept : world_(w) {
    for (const char* path : {"/", "/tmp"}) create_directory(path);
}

std::string file_system::absolute(std::string_view path) {
    std::vector<std::string_view> names;
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/'), path.size());
        const std::string_view name = path.substr(0, end);
        path.remove_prefix(std::min(end + 1, path.size()));
        if (name.empty() || name == ".") continue;
        if (name != "..") {
            names.push_back(name);
        } else if (!names.empty()) {
            names.pop_back();
        }
    }
    std::string result;
    for (const std::string_view name : names) result.append("/").append(name);
    return result.empty() ? "/" : result;
}

std::shared_ptr<inode> file_system::find(const std::string& path) const noexcept {
    const auto found = names_.find(path);
    return found == names_.end() ? nullptr : found->second;
}

// Why there cannot be such a name, whether or not there is one; 0 if there can.
int file_system::parent_error(const std::string& path) const noexcept {
    if (path == "/") return 0;
    const std::string parent = parent_of(path);
    const std::shared_ptr<inode> directory = find(parent);
    if (directory) return directory->directory ? 0 : ENOTDIR;
    const int above = parent_error(parent);
    return above != 0 ? above : ENOENT;
}

// Why a ".." in it leads nowhere: what it goes back from is no directory.
int file_system::detour_error(std::string_view path) const noexcept {
    for (std::size_t at = path.find("/.."); at != std::string_view::npos; at = path.find("/..", at + 1)) {
        if (at + 3 < path.size() && path[at + 3] != '/') continue;
        const std::shared_ptr<inode> left = find(absolute(path.substr(0, at)));
        if (!left) return ENOENT;
        if (!left->directory) return ENOTDIR;
    }
    return 0;
}

std::shared_ptr<open_file> file_system::open(std::string_view path, open_mode mode, int& error) noexcept {
    error = path.empty() ? ENOENT : (too_long(path) ? ENAMETOOLONG : 0);
    if (error != 0) return nullptr;
    const std::string name = absolute(path);
    error = detour_error(path);
    if (error != 0) return nullptr;
    std::shared_ptr<inode> file = find(name);
    const bool as_directory = path.back() == '/';
    if (as_directory && creates(mode) && (!file || !file->directory)) {
        error = file || parent_error(name) == 0 ? EISDIR : parent_error(name);
        return nullptr;
    }
    if (!file) {
        error = parent_error(name);
        if (error == 0 && !creates(mode)) error = ENOENT;
        if (error != 0) return nullptr;
        file = std::make_shared<inode>();
        names_.emplace(name, file);
    } else if (mode == open_mode::create_new) {
        error = EEXIST;
    } else if (file->directory && mode != open_mode::read) {
        error = EISDIR;
    } else if (!file->directory && as_directory) {
        error = ENOTDIR;
    } else if (mode == open_mode::write) {
        file->content.clear();
    }
    if (error != 0) return nullptr;
    return std::make_shared<open_file>(*this, std::move(file), mode);
}

int file_system::create_directory(std::string_view path) noexcept {
    const std::string name = absolute(path);
    if (find(name)) return EEXIST;
    const int error = parent_error(name);
    if (error != 0) return error;
    auto directory = std::make_shared<inode>();
    directory->directory = true;
    directory->name_synced = true;
    names_.emplace(name, std::move(directory));
    return 0;
}

int file_system::remove(std::string_view path) noexcept {
    const std::string name = absolute(path);
    if (!find(name)) return ENOENT;
    const auto next = names_.upper_bound(name + "/");
    const bool has_children = next != names_.end() && next->first.compare(0, name.size() + 1, name + "/") == 0;
    if (has_children || name == "/") return ENOTEMPTY;
    names_.erase(name);
    return 0;
}

void file_system::remove_all(std::string_view path) noexcept {
    const std::string name = absolute(path);
    const std::string below = name == "/" ? name : name + "/";
    // Who has one of them open keeps a file without a name, and without content.
    for (auto& [name, file] : names_) {
        if (!file->name_synced) file->content.clear();
    }
    std::erase_if(names_, [&](const auto& entry) {
        return entry.first != "/" && (entry.first == name || entry.first.starts_with(below));
    });
}

int file_system::store(std::string_view path, const_bytes content) noexcept {
    int error = 0;
    const std::shared_ptr<open_file> file = open(path, open_mode::write, error);
    if (!file) return error;
    const transfer_result written = file->write(0, content.data(), content.size());
    if (written.error != 0) return written.error;
    return written.bytes == content.size() ? file->sync() : ENOSPC;
}

std::optional<std::string> file_system::load(std::string_view path) const {
    const std::shared_ptr<inode> file = find(absolute(path));
    if (!file || file->directory) return std::nullopt;
    std::string content(static_cast<std::size_t>(file->content.size()), '\0');
    file->content.read(0, content.data(), content.size());
    return content;
}

bool file_system::exists(std::string_view path) const noexcept { return find(absolute(path)) != nullptr; }

void file_system::crash(crash_loss what) noexcept {
    std::erase_if(names_, [](const auto& entry) { return !entry.second->name_synced; });
    for (auto& [name, file] : names_) {
        if (file->directory) continue;
        if (what == crash_loss::some) file->synced.take_some_of(file->content, world_.outcomes);
        file->content = file->synced;
    }
}

std::uint64_t file_system::used_pages() const noexcept {
    std::uint64_t pages = 0;
    for (const auto& [name, file] : names_) pages += file->content.pages();
    return pages;
}

transfer_result open_file::read(std::uint64_t offset, void* into, std::size_t size) const noexcept {
    if (!may_read(mode_)) return {0, EBADF};
    if (inode_->directory) return {0, EISDIR};
    if (offset > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return {0, EINVAL};
    return {inode_->content.read(offset, into, size), 0};
}

transfer_result open_file::write(std::uint64_t offset, const void* from, std::size_t size) noexcept {
    if (mode_ == open_mode::read) return {0, EBADF};
    if (offset > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return {0, EINVAL};
    if (mode_ == open_mode::append) offset = inode_->content.size();
    if (size == 0) return {};
    if (offset >= largest_file) return {0, EFBIG};
    size = static_cast<std::size_t>(std::min<std::uint64_t>(size, largest_file - offset));
    const std::uint64_t all = files_.capacity_ / file_content::page_size;
    const std::uint64_t used = files_.used_pages();
    const std::uint64_t free = all > used ? all - used : 0;
    // As much as fits: the disk is full only for what comes after it.
    while (size != 0 && inode_->content.missing_pages(offset, size) > free) {
        const std::uint64_t end = offset + size;
        const std::uint64_t last_page = (end - 1) / file_content::page_size * file_content::page_size;
        size = last_page <= offset ? 0 : static_cast<std::size_t>(last_page - offset);
    }
    if (size == 0) return {0, ENOSPC};
    inode_->content.write(offset, from, size);
    return {size, 0};
}

int open_file::sync() noexcept {
    inode_->synced = inode_->content;
    inode_->name_synced = true;
    return 0;
}

}  // namespace async::inline v0::io::sim
