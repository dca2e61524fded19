// What a connection sends: a byte stream in which every stamped word tells connection, message and place.
// Messages up to 4 KiB are stamped in every word, larger ones in every 512th; the rest is always the same.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace load {

class content {
public:
    static constexpr std::size_t word = sizeof(std::uint64_t);

    content(std::size_t size, std::size_t depth)
        : size_(size),
          words_(size / word),
          stride_(size <= 4096 ? 1 : 512),
          buffer_(words_ * depth) {
        for (std::size_t i = 0; i < buffer_.size(); ++i) buffer_[i] = plain(i % words_);
    }

    std::size_t size() const { return size_; }

    // Writes `count` messages of the stream, from number `first` on. The pointer is good until the next call.
    const char* make(std::size_t connection, std::uint64_t first, std::size_t count) {
        for (std::size_t message = 0; message < count; ++message) {
            const auto stamp = stamp_of(connection, first + message);
            auto* words = buffer_.data() + message * words_;
            for (std::size_t i = 0; i < words_; i += stride_) words[i] = stamp + i;
        }
        return reinterpret_cast<const char*>(buffer_.data());
    }

    // Whether these bytes are the stream of this connection from this position on.
    bool matches(std::size_t connection, std::uint64_t position, const char* bytes, std::size_t count) const {
        while (count > 0) {
            const auto message = position / size_;
            const auto offset = static_cast<std::size_t>(position % size_);
            const auto here = std::min(count, size_ - offset);
            if (!part_matches(stamp_of(connection, message), offset, bytes, here)) return false;
            position += here;
            bytes += here;
            count -= here;
        }
        return true;
    }

private:
    static std::uint64_t plain(std::size_t i) { return i * 0xd1342543de82ef95u; }
    static std::uint64_t stamp_of(std::size_t connection, std::uint64_t message) {
        return (message << 20 | connection) * 0x9e3779b97f4a7c15u;
    }

    std::uint64_t expected(std::uint64_t stamp, std::size_t i) const { return i % stride_ == 0 ? stamp + i : plain(i); }

    bool part_matches(std::uint64_t stamp, std::size_t offset, const char* bytes, std::size_t count) const {
        std::uint64_t differences = 0;
        while (count > 0) {
            const auto inside = offset % word;
            const auto here = std::min(count, word - inside);
            const auto value = expected(stamp, offset / word);
            std::uint64_t got = value;
            std::memcpy(reinterpret_cast<char*>(&got) + inside, bytes, here);
            differences |= got ^ value;
            offset += here;
            bytes += here;
            count -= here;
        }
        return differences == 0;
    }

    std::size_t size_, words_, stride_;
    std::vector<std::uint64_t> buffer_;
};

}  // namespace load
