// Bytes on their way, first in, first out.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

#include <libasync/config.hpp>

namespace async::inline v0::io::sim {

class byte_queue {
public:
    std::size_t size() const noexcept { return bytes_.size() - taken_; }
    bool empty() const noexcept { return size() == 0; }

    void append(const void* data, std::size_t count) {
        const auto* bytes = static_cast<const std::byte*>(data);
        bytes_.insert(bytes_.end(), bytes, bytes + count);
    }

    // Gives back what was taken last.
    void put_back(const void* data, std::size_t count) {
        const auto* bytes = static_cast<const std::byte*>(data);
        bytes_.insert(bytes_.begin() + static_cast<std::ptrdiff_t>(taken_), bytes, bytes + count);
    }

    // Moves up to `count` bytes to `into`.
    std::size_t take(void* into, std::size_t count) noexcept {
        count = std::min(count, size());
        if (count == 0) return 0;
        std::memcpy(into, bytes_.data() + taken_, count);
        taken_ += count;
        if (taken_ == bytes_.size()) {
            clear();
        } else if (taken_ > 64 * 1024 && taken_ > bytes_.size() / 2) {
            bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(taken_));
            taken_ = 0;
        }
        return count;
    }

    void clear() noexcept {
        bytes_.clear();
        taken_ = 0;
    }

private:
    std::vector<std::byte> bytes_;
    std::size_t taken_ = 0;
};

}  // namespace async::inline v0::io::sim
