#include <libasync/net/tls/cipher_buffer.hpp>

#include <algorithm>
#include <cstring>

namespace async::inline v0::detail {

void cipher_buffer::reserve(std::size_t size) {
    if (size <= capacity_) return;
    const std::size_t capacity = std::min(most, std::max({kept, size, 2 * capacity_}));
    std::unique_ptr<std::byte[]> larger(new std::byte[capacity]);
    if (size_ != 0) std::memcpy(larger.get(), memory_.get(), size_);
    memory_ = std::move(larger);
    capacity_ = capacity;
}

void cipher_buffer::append(const void* data, std::size_t size) {
    LIBASYNC_ASSERT(size <= room(), "a cipher_buffer is bounded");
    reserve(size_ + size);
    std::memcpy(memory_.get() + size_, data, size);
    size_ += size;
}

void cipher_buffer::drop_front(std::size_t count) noexcept {
    if (count == size_) return clear();
    size_ -= count;
    if (count != 0) std::memmove(memory_.get(), memory_.get() + count, size_);
}

void cipher_buffer::clear() noexcept {
    size_ = 0;
    if (capacity_ <= kept) return;
    memory_.reset();
    capacity_ = 0;
}

}  // namespace async::inline v0::detail
