// Buffers that the loop lends out as chunks.
//
// A pool is used by its loop's thread alone, except that a chunk may be given back anywhere: there it goes to a
// lock-free list that the loop empties. A pool whose loop has gone lives until its last chunk comes home.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include <libasync/detail/thread_identity.hpp>
#include <libasync/io/buffer.hpp>

namespace async::inline v0::io {

class buffer_pool : public chunk_source {
public:
    buffer_pool(const buffer_pool&) = delete;
    buffer_pool& operator=(const buffer_pool&) = delete;

    void release(std::byte* data, std::uint32_t index) noexcept final;

    // Takes back what other threads gave up. Cheap if there is nothing.
    void collect() noexcept {
        if (returned_.load(std::memory_order_relaxed) != nullptr) collect_returned();
    }

    // The loop goes away: the pool deletes itself once no chunk is out.
    void abandon() noexcept;

    // Chunks that are out.
    std::uint32_t lent() const noexcept { return lent_; }

protected:
    buffer_pool();
    virtual ~buffer_pool();

    // A buffer is free again; on the loop's thread.
    virtual void reclaim(std::uint32_t index) noexcept = 0;

    chunk lend(std::byte* data, std::uint32_t size, std::uint32_t index) noexcept {
        ++lent_;
        return chunk{*this, data, size, index};
    }

private:
    struct returned_node {
        returned_node* next;
        std::uint32_t index;
    };

    void collect_returned() noexcept;
    void return_remotely(std::byte* data, std::uint32_t index) noexcept;

    std::atomic<returned_node*> returned_{nullptr};  // links stand in the returned buffers themselves
    std::atomic<std::uint32_t> orphans_{0};          // chunks still out after `abandon`
    detail::thread_identity owner_ = detail::this_thread_identity();
    std::uint32_t lent_ = 0;
    bool abandoned_ = false;
};

// Large buffers, last in first out: one that was just given back is used next, while it is still in the cache.
class hot_pool final : public buffer_pool {
public:
    static constexpr std::uint32_t buffer_size = 64 * 1024;
    static constexpr std::uint32_t max_lent = 64;  // beyond it callers get copies of the right size

    // Room for the next receive; null if there is no memory for it. The same buffer until `take`.
    std::byte* peek() noexcept;

    // Turns the first `size` bytes of the peeked buffer into a chunk: lent while few are out, else copied; lent all
    // the same if there is no memory for a copy.
    chunk take(std::uint32_t size) noexcept;

private:
    void reclaim(std::uint32_t index) noexcept override;

    std::vector<std::unique_ptr<std::byte[]>> buffers_;
    std::uint32_t free_[max_lent + 1]{};
    std::uint32_t free_count_ = 0;
};

}  // namespace async::inline v0::io
