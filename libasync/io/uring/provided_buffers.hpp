// The buffers that the kernel chooses from when data arrives, in groups: when one runs dry, the next is twice
// as large. A buffer is in one of three places: with the kernel, queued on its stream, or lent out as a
// chunk.
#pragma once

#include <array>
#include <memory>

#include <liburing.h>

#include <libasync/io/buffer_pool.hpp>

namespace async::inline v0::io::uring {

class uring_stream;

class provided_buffers final : public buffer_pool {
public:
    // Stands for "no buffer".
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    static constexpr std::uint32_t max_buffers = 8192;
    // A stream that has this many chunks out gets copies.
    static constexpr std::uint32_t max_lent_to_stream = 16;

    // Makes the first group. Throws refusal if the kernel takes none.
    provided_buffers(io_uring& ring, std::uint32_t count, std::uint32_t size);
    ~provided_buffers() override;

    // Adds a group. False if there are enough, or no memory.
    bool grow() noexcept;

    // Whether a stream that found `group` dry may try the newest one.
    bool has_room_beyond(std::uint16_t group) const noexcept;

    std::uint16_t newest_group() const noexcept { return static_cast<std::uint16_t>(group_count_ - 1); }
    std::uint32_t buffer_size() const noexcept { return size_; }

    // The kernel has filled a buffer: from here on it is ours.
    std::uint32_t take(std::uint16_t group, std::uint16_t id) noexcept;
    void give_back(std::uint32_t index) noexcept;

    std::byte* data(std::uint32_t index) noexcept {
        return groups_[index >> 16].memory + std::size_t{index & 0xffff} * size_;
    }
    // The number of bytes in a buffer, and the next one in its stream's queue.
    std::uint32_t& length(std::uint32_t index) noexcept { return note(index).length; }
    std::uint32_t& next(std::uint32_t index) noexcept { return note(index).next; }

    // A chunk of what lies in a buffer from `offset` on: the buffer itself, or a copy if many are out.
    chunk hand_out(uring_stream& to, std::uint32_t index, std::uint32_t offset) noexcept;

    // Before the ring goes.
    void unregister(io_uring& ring) noexcept;

private:
    struct buffer_note {
        uring_stream* borrower;
        std::uint32_t next;
        std::uint32_t length;
    };
    struct group {
        std::byte* memory = nullptr;
        io_uring_buf* entries = nullptr;  // shared with the kernel; the ring's tail stands in the first
        std::unique_ptr<buffer_note[]> notes;
        std::uint32_t count = 0;
        std::uint32_t with_kernel = 0;
        std::uint16_t tail = 0;
    };

    void reclaim(std::uint32_t index) noexcept override;
    int add_group(std::uint32_t count) noexcept;
    static void release_memory(group& g, std::uint32_t size) noexcept;
    buffer_note& note(std::uint32_t index) noexcept { return groups_[index >> 16].notes[index & 0xffff]; }
    bool must_copy(const uring_stream& to) const noexcept;

    io_uring& ring_;
    std::array<group, 14> groups_;
    std::uint32_t group_count_ = 0;
    const std::uint32_t size_;
    std::uint32_t total_ = 0;
    std::uint32_t with_kernel_ = 0;
};

}  // namespace async::inline v0::io::uring
