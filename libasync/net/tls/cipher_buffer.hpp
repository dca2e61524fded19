// What TLS wants to be sent, until the transport has taken it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include <libasync/config.hpp>

namespace async::inline v0::detail {

class cipher_buffer {
public:
    static constexpr std::size_t kept = 4096;       // bytes that an idle connection goes on to hold
    static constexpr std::size_t batch = 64 << 10;  // of plain text that is encrypted before it is sent
    // A batch with what its records add, and messages of TLS itself beside it.
    static constexpr std::size_t most = batch + (24 << 10);

    cipher_buffer() = default;
    cipher_buffer(const cipher_buffer&) = delete;
    cipher_buffer& operator=(const cipher_buffer&) = delete;

    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }
    std::size_t room() const noexcept { return most - size_; }
    std::span<const std::byte> bytes() const noexcept { return {memory_.get(), size_}; }

    // Throws std::bad_alloc. No more than there is room for.
    void reserve(std::size_t size);
    void append(const void* data, std::size_t size);

    // Forgets so many bytes, the first ones.
    void drop_front(std::size_t count) noexcept;
    // Forgets everything, and gives up what only large writes need.
    void clear() noexcept;

    void swap(cipher_buffer& other) noexcept {
        std::swap(memory_, other.memory_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
    }

private:
    std::unique_ptr<std::byte[]> memory_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace async::inline v0::detail
