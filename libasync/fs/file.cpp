#include <libasync/fs/file.hpp>

#include <memory>

namespace async::inline v0 {

namespace detail {

std::string describe_file(const char* operation, const file_state* file) {
    return std::string(operation) + (file ? " '" + file->path + "'" : " a closed file");
}

namespace {

struct open_description : io_description<open_description> {
    using operation = io::open_file_op;
    using value_type = io::file_handle;

    open_description(const std::string* p, open_mode m) noexcept : path(p), mode(m) {}
    operation make() const noexcept { return {path->c_str(), mode}; }
    value_type finish(operation& op) const noexcept { return std::move(op.opened); }
    std::string what() const { return "open '" + *path + "'"; }

    const std::string* path;  // in the frame of the opening coroutine
    open_mode mode;
};

struct write_at_description : file_description<write_at_description> {
    using operation = io::transfer_op;
    using value_type = std::size_t;

    write_at_description(file_state* f, const_bytes b, std::uint64_t o) noexcept
        : file_description(f),
          from(b),
          offset(o) {}
    operation make() const noexcept {
        return {io::op_kind::write_at, handle(), const_cast<void*>(from.data()), from.size(), offset};
    }
    value_type finish(operation& op) const noexcept { return static_cast<std::size_t>(op.result); }
    std::string what() const { return describe_file("write_at of", file); }

    const_bytes from;
    std::uint64_t offset;
};

struct close_file_description : io_description<close_file_description> {
    using operation = io::file_op;
    using value_type = void;
    static constexpr bool ignores_cancellation = true;

    close_file_description(native_handle h, const std::string* p) noexcept : handle(h), path(p) {}
    operation make() const noexcept { return {io::op_kind::close_file, handle}; }
    void finish(operation&) const noexcept {}
    std::string what() const { return "close of '" + *path + "'"; }

    native_handle handle;
    const std::string* path;
};

// Keeps the state of a file during an operation of several steps.
class file_ref {
public:
    explicit file_ref(file_state* f) noexcept : state_(f) {
        if (state_) state_->retain();
    }
    file_ref(file_ref&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    file_ref& operator=(file_ref&&) = delete;
    ~file_ref() {
        if (state_) state_->release();
    }
    file_state* get() const noexcept { return state_; }

private:
    file_state* state_;
};

task<void> write_all_of(file_ref file, const_bytes bytes, std::uint64_t offset) {
    auto* next = static_cast<const std::byte*>(bytes.data());
    std::size_t left = bytes.size();
    while (left != 0) {
        const std::size_t count = co_await write_at_description(file.get(), {next, left}, offset);
        next += count;
        left -= count;
        offset += count;
    }
}

task<void> close_handle(io::file_handle handle, std::string path) {
    co_await close_file_description(handle.release(), &path);
}

task<void> nothing_to_close() { co_return; }

}  // namespace

}  // namespace detail

file& file::operator=(file&& other) noexcept {
    if (this != &other) {
        drop();
        state_ = std::exchange(other.state_, nullptr);
    }
    return *this;
}

void file::drop() noexcept {
    detail::file_state* state = std::exchange(state_, nullptr);
    if (state == nullptr) return;
    state->close_wanted = true;
    if (state->pending == 0) state->handle.reset();
    state->release();
}

task<file> file::open(std::string_view path, open_mode mode) { return open_copy(std::string(path), mode); }

task<file> file::open_copy(std::string path, open_mode mode) {
    file opened;
    io::file_handle handle = co_await detail::open_description(&path, mode);
    opened.state_ = new detail::file_state;
    opened.state_->handle = std::move(handle);
    opened.state_->path = std::move(path);
    co_return opened;
}

task<void> file::write_all(detail::file_state* state, const_bytes bytes, std::uint64_t offset) {
    return detail::write_all_of(detail::file_ref(state), bytes, offset);
}

task<void> file::close() {
    if (!is_open()) return detail::nothing_to_close();
    if (state_->pending != 0) {
        throw std::system_error(make_error_code(errc::busy), detail::describe_file("close of", state_));
    }
    return detail::close_handle(std::move(state_->handle), state_->path);
}

namespace {

task<std::string> read_whole(std::string path) {
    constexpr std::size_t least = 4096;
    file f = co_await file::open(path, open_mode::read);
    const std::uint64_t size = co_await f.size();
    std::string content;
    content.resize(static_cast<std::size_t>(size) + 1);  // one more shows whether the end was reached
    std::size_t used = 0;
    for (;;) {
        if (used == content.size()) content.resize(2 * used + least);
        const std::span<char> rest(content.data() + used, content.size() - used);
        const std::size_t count = co_await f.read_at(std::as_writable_bytes(rest), used);
        if (count == 0) break;
        used += count;
    }
    content.resize(used);
    co_await f.close();
    co_return content;
}

task<void> write_whole(std::string path, const_bytes bytes) {
    file f = co_await file::open(path, open_mode::write);
    co_await f.write_at(bytes, 0);
    co_await f.close();
}

}  // namespace

task<std::string> read_file(std::string_view path) { return read_whole(std::string(path)); }

task<void> write_file(std::string_view path, const_bytes bytes) { return write_whole(std::string(path), bytes); }

}  // namespace async::inline v0
