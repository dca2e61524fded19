#include <libasync/io/uring/provided_buffers.hpp>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <new>

#include <sys/mman.h>

#include <libasync/io/fault_knobs.hpp>
#include <libasync/io/memory_guard.hpp>
#include <libasync/io/uring/probe.hpp>
#include <libasync/io/uring/uring_socket.hpp>

namespace async::inline v0::io::uring {

namespace {

constexpr std::uint32_t alignment = 64;

void* map_memory(std::size_t size) noexcept {
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

provided_buffers::provided_buffers(io_uring& ring, std::uint32_t count, std::uint32_t size)
    : ring_(ring),
      size_(std::clamp((size + alignment - 1) & ~(alignment - 1), alignment, 1u << 20)) {
    const std::uint32_t first = std::bit_ceil(std::clamp(count, 1u, max_buffers));
    if (const int error = add_group(first); error != 0) throw refusal("io_uring_register", error);
}

provided_buffers::~provided_buffers() {
    for (group& g : groups_) release_memory(g, size_);
}

void provided_buffers::release_memory(group& g, std::uint32_t size) noexcept {
    if (g.memory) {
        memory_guard::allow(g.memory, std::size_t{g.count} * size);
        ::munmap(g.memory, std::size_t{g.count} * size);
    }
    if (g.entries) ::munmap(g.entries, g.count * sizeof *g.entries);
}

int provided_buffers::add_group(std::uint32_t count) noexcept {
    group& g = groups_[group_count_];
    g.count = count;
    g.memory = static_cast<std::byte*>(map_memory(std::size_t{count} * size_));
    g.entries = static_cast<io_uring_buf*>(map_memory(count * sizeof *g.entries));
    g.notes.reset(new (std::nothrow) buffer_note[count]());
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(g.entries);
    registration.ring_entries = count;
    registration.bgid = static_cast<std::uint16_t>(group_count_);
    const int result =
        g.memory && g.entries && g.notes ? io_uring_register_buf_ring(&ring_, &registration, 0) : -ENOMEM;
    if (result != 0) {
        release_memory(g, size_);
        g = {};
        return -result;
    }
    total_ += count;
    const std::uint32_t base = group_count_++ << 16;
    for (std::uint32_t id = 0; id < count; ++id) give_back(base | id);
    return 0;
}

bool provided_buffers::grow() noexcept {
    const std::uint32_t count = groups_[group_count_ - 1].count * 2;
    return group_count_ < groups_.size() && total_ + count <= max_buffers && add_group(count) == 0;
}

bool provided_buffers::has_room_beyond(std::uint16_t dry) const noexcept {
    const group& newest = groups_[newest_group()];
    return dry != newest_group() ? newest.with_kernel != 0 : newest.with_kernel >= (newest.count + 1) / 2;
}

[[gnu::hot]] std::uint32_t provided_buffers::take(std::uint16_t group, std::uint16_t id) noexcept {
    --groups_[group].with_kernel;
    --with_kernel_;
    const std::uint32_t index = std::uint32_t{group} << 16 | id;
    memory_guard::allow(data(index), size_);
    return index;
}

[[gnu::hot]] void provided_buffers::give_back(std::uint32_t index) noexcept {
    group& g = groups_[index >> 16];
    memory_guard::forbid(data(index), size_);
    io_uring_buf& entry = g.entries[g.tail & (g.count - 1)];
    entry.addr = reinterpret_cast<std::uintptr_t>(data(index));
    entry.len = static_cast<std::uint32_t>(faults::cut(size_, &faults::knobs::read_max));
    entry.bid = static_cast<std::uint16_t>(index & 0xffff);
    __atomic_store_n(&g.entries[0].resv, ++g.tail, __ATOMIC_RELEASE);
    ++g.with_kernel;
    ++with_kernel_;
}

[[gnu::hot]] bool provided_buffers::must_copy(const uring_stream& to) const noexcept {
    return to.lent >= max_lent_to_stream || with_kernel_ < total_ / 4;
}

[[gnu::hot]] chunk provided_buffers::hand_out(uring_stream& to, std::uint32_t index, std::uint32_t offset) noexcept {
    const std::uint32_t size = length(index);
    if (must_copy(to)) {
        try {
            chunk copy = chunk::copy_of({data(index) + offset, size - offset});
            give_back(index);
            return copy;
        } catch (const std::bad_alloc&) {
            // The buffer itself needs no memory.
        }
    }
    note(index).borrower = &to;
    ++to.lent;
    chunk lent = lend(data(index), size, index);
    lent.remove_prefix(offset);
    return lent;
}

[[gnu::hot]] void provided_buffers::reclaim(std::uint32_t index) noexcept {
    uring_stream& borrower = *note(index).borrower;
    give_back(index);
    --borrower.lent;
    borrower.chunk_returned();
}

void provided_buffers::unregister(io_uring& ring) noexcept {
    for (std::uint32_t i = 0; i < group_count_; ++i) io_uring_unregister_buf_ring(&ring, static_cast<int>(i));
}

}  // namespace async::inline v0::io::uring
