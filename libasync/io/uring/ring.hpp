// The submission and completion queues, and the one way into the kernel. Belongs to the thread that made it.
#pragma once

#include <cstdint>

#include <liburing.h>

#include <libasync/io/uring/probe.hpp>

namespace async::inline v0::io::uring {

struct completion {
    std::uint64_t user_data;
    int result;
    unsigned flags;

    bool last() const noexcept { return (flags & IORING_CQE_F_MORE) == 0; }  // of its request
};

class ring {
public:
    // Throws refusal.
    explicit ring(const features& enabled);
    ring(const ring&) = delete;
    ring& operator=(const ring&) = delete;
    ~ring();

    // A zeroed entry. Submits what is queued if the queue is full; null if even that makes no room.
    io_uring_sqe* next_entry(std::uint64_t user_data) noexcept;

    // Entries that the kernel has not taken yet.
    unsigned queued() const noexcept { return tail_ - __atomic_load_n(ring_.sq.khead, __ATOMIC_ACQUIRE); }

    // Whether there are completions in the queue, or only to be had by entering the kernel.
    bool has_completions() const noexcept { return available() != 0; }
    unsigned available() const noexcept { return __atomic_load_n(ring_.cq.ktail, __ATOMIC_ACQUIRE) - head(); }
    bool has_work_inside() const noexcept {
        return (__atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED) & work_flags) != 0;
    }

    // Submits what is queued, and has the kernel post what finished.
    void submit_and_collect() noexcept { enter(0, IORING_ENTER_GETEVENTS, nullptr); }
    // The same, and waits for a completion; without a timeout, for ever.
    void submit_and_wait(const __kernel_timespec* timeout) noexcept { enter(1, IORING_ENTER_GETEVENTS, timeout); }

    // Hands every completion that is there to `receive`.
    template <class Receive>
    void drain(Receive&& receive) {
        unsigned head = *ring_.cq.khead;
        const unsigned tail = __atomic_load_n(ring_.cq.ktail, __ATOMIC_ACQUIRE);
        completions_ += tail - head;
        for (; head != tail; ++head) {
            const io_uring_cqe& cqe = ring_.cq.cqes[head & ring_.cq.ring_mask];
            receive(completion{cqe.user_data, cqe.res, cqe.flags});
        }
        __atomic_store_n(ring_.cq.khead, head, __ATOMIC_RELEASE);
    }

    // A child process shares the parent's ring: it may look, but nothing more. The check aborts there.
    bool forked() const noexcept;
    void check_process() const noexcept;

    // For a look without a call.
    static constexpr unsigned work_flags = IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW;
    const unsigned* completion_tail() const noexcept { return ring_.cq.ktail; }
    const unsigned* submission_flags() const noexcept { return ring_.sq.kflags; }
    unsigned head() const noexcept { return *ring_.cq.khead; }

    io_uring& native() noexcept { return ring_; }
    int descriptor() const noexcept { return ring_.ring_fd; }

    std::uint64_t enters() const noexcept { return enters_; }
    std::uint64_t submissions() const noexcept { return submissions_; }
    std::uint64_t completions() const noexcept { return completions_; }

private:
    void set_up(const features& enabled);
    void enter(unsigned min_complete, unsigned flags, const __kernel_timespec* timeout) noexcept;

    io_uring ring_{};
    unsigned tail_ = 0;  // of the submission queue; the kernel sees it when we enter
    unsigned enter_flags_ = 0;
    int enter_fd_ = -1;
    unsigned fork_generation_;
    std::uint64_t enters_ = 0;
    std::uint64_t submissions_ = 0;
    std::uint64_t completions_ = 0;
};

}  // namespace async::inline v0::io::uring
