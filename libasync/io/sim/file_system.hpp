// The disk of a simulated world: directories and files in memory. What was not synced does not outlive a crash.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <libasync/io/buffer.hpp>
#include <libasync/io/native_socket.hpp>
#include <libasync/io/operation.hpp>
#include <libasync/io/sim/file_content.hpp>
#include <libasync/io/sim/object.hpp>
#include <libasync/io/sim/settings.hpp>

namespace async::inline v0::io::sim {

class file_system;

// A file, whatever names and descriptors lead to it.
struct inode {
    bool directory = false;
    bool name_synced = false;  // its name would be found after a crash
    file_content content;
    file_content synced;
};

class open_file final : public object {
public:
    open_file(file_system& fs, std::shared_ptr<inode> i, open_mode mode) noexcept
        : files_(fs),
          inode_(std::move(i)),
          mode_(mode) {}

    // As pread(2), pwrite(2), fstat(2) and fsync(2); errno values.
    transfer_result read(std::uint64_t offset, void* into, std::size_t size) const noexcept;
    transfer_result write(std::uint64_t offset, const void* from, std::size_t size) noexcept;
    std::uint64_t size() const noexcept { return inode_->content.size(); }
    int sync() noexcept;
    void closed() noexcept override {}

private:
    file_system& files_;
    std::shared_ptr<inode> inode_;
    const open_mode mode_;
};

class file_system {
public:
    // Has "/" and "/tmp". Names that do not begin with a slash begin at "/".
    explicit file_system(world& w) noexcept;

    // As open(2). Null, and an errno value.
    std::shared_ptr<open_file> open(std::string_view path, open_mode mode, int& error) noexcept;

    // In place and without faults, for setting the scene and for looking at it. Errno values; 0 if it was done.
    int create_directory(std::string_view path) noexcept;
    int remove(std::string_view path) noexcept;
    // With everything in it.
    void remove_all(std::string_view path) noexcept;
    int store(std::string_view path, const_bytes content) noexcept;
    std::optional<std::string> load(std::string_view path) const;
    bool exists(std::string_view path) const noexcept;

    // Power fails: files are as they were when they were synced last, but for what has made it to the disk; those that
    // never were are gone. Open files stay open.
    void crash(crash_loss what) noexcept;

    static constexpr std::uint64_t default_capacity = std::uint64_t{1} << 30;
    // Bytes that fit on the disk.
    void set_capacity(std::uint64_t bytes) noexcept { capacity_ = bytes; }

private:
    friend class open_file;

    // "/a/b" for "a//b/.", "a/x/../b" and so on.
    static std::string absolute(std::string_view path);
    std::shared_ptr<inode> find(const std::string& path) const noexcept;
    int detour_error(std::string_view path) const noexcept;
    int parent_error(const std::string& path) const noexcept;
    std::uint64_t used_pages() const noexcept;

    world& world_;
    std::map<std::string, std::shared_ptr<inode>> names_;
    std::uint64_t capacity_ = default_capacity;
};

}  // namespace async::inline v0::io::sim
