#include <libasync/io/buffer_pool.hpp>

#include <algorithm>
#include <limits>
#include <new>
#include <stdexcept>

#include <libasync/io/memory_guard.hpp>

namespace async::inline v0 {

namespace io {

namespace {

class heap_source final : public chunk_source {
public:
    void release(std::byte* data, std::uint32_t) noexcept override { delete[] data; }
};

}  // namespace

chunk_source& heap_chunks() noexcept {
    static heap_source source;
    return source;
}

}  // namespace io

chunk chunk::copy_of(const_bytes bytes) {
    if (bytes.size() == 0) return {};
    if (bytes.size() > std::numeric_limits<std::uint32_t>::max()) throw std::length_error("chunk::copy_of: over 4 GiB");
    auto* data = new std::byte[bytes.size()];
    std::memcpy(data, bytes.data(), bytes.size());
    return chunk{io::heap_chunks(), data, static_cast<std::uint32_t>(bytes.size()), 0};
}

namespace io {

namespace {

// Stands at the head of the return list once the loop has gone.
std::byte gone_marker[16];

template <class Node>
Node* gone() noexcept {
    return reinterpret_cast<Node*>(gone_marker);
}

}  // namespace

buffer_pool::buffer_pool() = default;
buffer_pool::~buffer_pool() = default;

[[gnu::hot]] void buffer_pool::release(std::byte* data, std::uint32_t index) noexcept {
    if (detail::this_thread_identity() == owner_ && !abandoned_) {
        --lent_;
        reclaim(index);
        return;
    }
    return_remotely(data, index);
}

void buffer_pool::return_remotely(std::byte* data, std::uint32_t index) noexcept {
    static_assert(sizeof(returned_node) <= 64, "the link fits into the smallest buffer");
    returned_node* head = returned_.load(std::memory_order_acquire);
    auto* node = ::new (static_cast<void*>(data)) returned_node{nullptr, index};
    do {
        if (head == gone<returned_node>()) {
            if (orphans_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
            return;
        }
        node->next = head;
    } while (!returned_.compare_exchange_weak(head, node, std::memory_order_release, std::memory_order_acquire));
}

void buffer_pool::collect_returned() noexcept {
    returned_node* node = returned_.exchange(nullptr, std::memory_order_acquire);
    while (node) {
        returned_node* next = node->next;
        --lent_;
        reclaim(node->index);
        node = next;
    }
}

void buffer_pool::abandon() noexcept {
    // The count stands before the marker does: whoever sees the marker may decrement at once.
    // One more than is out, so that nobody deletes the pool before this function is done.
    orphans_.store(lent_ + 1, std::memory_order_relaxed);
    abandoned_ = true;
    returned_node* node = returned_.exchange(gone<returned_node>(), std::memory_order_acq_rel);
    std::uint32_t done = 1;
    for (; node; node = node->next) ++done;
    if (orphans_.fetch_sub(done, std::memory_order_acq_rel) == done) delete this;
}

std::byte* hot_pool::peek() noexcept {
    if (free_count_ == 0) {
        if (buffers_.size() > max_lent) return nullptr;
        try {
            buffers_.push_back(std::make_unique_for_overwrite<std::byte[]>(buffer_size));
        } catch (const std::bad_alloc&) {
            return nullptr;
        }
        free_[free_count_++] = static_cast<std::uint32_t>(buffers_.size() - 1);
    }
    std::byte* room = buffers_[free_[free_count_ - 1]].get();
    memory_guard::allow(room, buffer_size);
    return room;
}

[[gnu::hot]] void hot_pool::reclaim(std::uint32_t index) noexcept {
    memory_guard::forbid(buffers_[index].get(), buffer_size);
    free_[free_count_++] = index;
}

chunk hot_pool::take(std::uint32_t size) noexcept {
    const std::uint32_t index = free_[free_count_ - 1];
    std::byte* data = buffers_[index].get();
    if (lent() >= max_lent) {
        try {
            return chunk::copy_of({data, size});
        } catch (const std::bad_alloc&) {
            // The buffer itself needs no memory.
        }
    }
    --free_count_;
    return lend(data, size, index);
}

}  // namespace io

}  // namespace async::inline v0
