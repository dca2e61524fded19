// Bytes as the library takes and gives them: `const_bytes` (borrowed, to be written) and `chunk` (owned, as read).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include <libasync/config.hpp>
#include <libasync/detail/exchange.hpp>

namespace async::inline v0 {

// Bytes that belong to the caller: anything contiguous of bytes or characters converts to it.
// Borrowed until the operation that takes it has completed.
class const_bytes {
public:
    constexpr const_bytes() = default;
    constexpr const_bytes(const void* data, std::size_t size) : data_(data), size_(size) {}
    constexpr const_bytes(std::string_view text) : data_(text.data()), size_(text.size()) {}
    const_bytes(const char* text) : data_(text), size_(std::strlen(text)) {}

    template <class Range>
        requires requires(const Range& r) {
            { r.data() } -> std::convertible_to<const void*>;
            { r.size() } -> std::convertible_to<std::size_t>;
            requires sizeof(*r.data()) == 1;
        }
    constexpr const_bytes(const Range& range) : data_(range.data()),
                                                size_(range.size()) {}

    constexpr const void* data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }

private:
    const void* data_ = nullptr;
    std::size_t size_ = 0;
};

namespace io {

// Where a chunk's memory goes when the chunk is done with it. Called from any thread.
class chunk_source {
public:
    virtual void release(std::byte* data, std::uint32_t index) noexcept = 0;

protected:
    ~chunk_source() = default;
};

// The source of chunks that own a plain heap allocation.
chunk_source& heap_chunks() noexcept;

}  // namespace io

// Bytes that arrived, in a buffer of the engine. Move-only; giving it up returns the buffer. It may outlive the
// stream and the loop, and be destroyed on any thread. Empty means the peer has closed its side.
class chunk {
public:
    chunk() = default;
    chunk(io::chunk_source& source, std::byte* data, std::uint32_t size, std::uint32_t index) noexcept
        : data_(data),
          source_(&source),
          size_(size),
          index_(index) {}

    // An owned copy. Throws std::bad_alloc, std::length_error for 4 GiB and more.
    static chunk copy_of(const_bytes bytes);

    chunk(chunk&& other) noexcept
        : data_(other.data_),
          source_(detail::exchange(other.source_, nullptr)),
          offset_(detail::exchange(other.offset_, 0)),
          size_(detail::exchange(other.size_, 0)),
          index_(other.index_) {}

    chunk& operator=(chunk&& other) noexcept {
        if (this != &other) {
            release();
            data_ = other.data_;
            source_ = detail::exchange(other.source_, nullptr);
            offset_ = detail::exchange(other.offset_, 0);
            size_ = detail::exchange(other.size_, 0);
            index_ = other.index_;
        }
        return *this;
    }

    ~chunk() { release(); }

    std::byte* data() noexcept { return data_ + offset_; }
    const std::byte* data() const noexcept { return data_ + offset_; }
    std::size_t size() const noexcept { return size_ - offset_; }
    bool empty() const noexcept { return size_ == offset_; }
    std::byte* begin() noexcept { return data(); }
    std::byte* end() noexcept { return data_ + size_; }
    const std::byte* begin() const noexcept { return data(); }
    const std::byte* end() const noexcept { return data_ + size_; }

    std::string_view text() const noexcept { return {reinterpret_cast<const char*>(data()), size()}; }

    // Drops the first `count` bytes.
    void remove_prefix(std::size_t count) noexcept {
        LIBASYNC_ASSERT(count <= size(), "remove_prefix stays within the chunk");
        offset_ += static_cast<std::uint32_t>(count);
    }

    // Returns the buffer now.
    void release() noexcept {
        if (source_) detail::exchange(source_, nullptr)->release(data_, index_);
        offset_ = size_ = 0;
    }

private:
    std::byte* data_ = nullptr;
    io::chunk_source* source_ = nullptr;
    std::uint32_t offset_ = 0;
    std::uint32_t size_ = 0;
    std::uint32_t index_ = 0;
};

}  // namespace async::inline v0
