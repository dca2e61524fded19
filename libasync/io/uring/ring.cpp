#include <libasync/io/uring/ring.hpp>

#include <atomic>
#include <cerrno>
#include <cstring>

#include <pthread.h>

#include <libasync/config.hpp>
#include <libasync/io/fault_knobs.hpp>

#if LIBASYNC_THREAD_SANITIZED
#include <sanitizer/tsan_interface.h>
#endif

namespace async::inline v0::io::uring {

namespace {

constexpr unsigned submission_entries = 256;
constexpr unsigned completion_entries = 4096;

// The headers of older libraries lack these two.
constexpr unsigned feature_no_iowait = 1u << 17;
constexpr unsigned enter_no_iowait = 1u << 7;

// Counts the forks between the first process and this one.
std::atomic<unsigned> forks{0};

unsigned watch_forks() {
    static const int registered =
        ::pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
    static_cast<void>(registered);
    return forks.load(std::memory_order_relaxed);
}

// The thread sanitizer does not see that liburing maps and unmaps memory: to it, a ring races with one of another
// thread that lay in the same place before. So each page of a ring is told to be passed on, and taken over.
#if LIBASYNC_THREAD_SANITIZED
template <class Tell>
void for_each_page(const io_uring& ring, Tell tell) {
    const auto in = [&](void* begin, std::size_t size) {
        for (std::size_t at = 0; at < size; at += 4096) tell(static_cast<char*>(begin) + at);
    };
    in(ring.sq.ring_ptr, ring.sq.ring_sz);
    in(ring.sq.sqes, ring.sq.ring_entries * sizeof(io_uring_sqe));
}
void take_over(const io_uring& ring) { for_each_page(ring, __tsan_acquire); }
void pass_on(const io_uring& ring) { for_each_page(ring, __tsan_release); }
#else
void take_over(const io_uring&) {}
void pass_on(const io_uring&) {}
#endif

}  // namespace

ring::ring(const features& enabled) : fork_generation_(watch_forks()) {
    set_up(enabled);
    take_over(ring_);
    unsigned max_workers[2] = {4, 8};  // for work that is bounded by the disk, and for the rest
    io_uring_register_iowq_max_workers(&ring_, max_workers);
    if (enabled.registered_ring) io_uring_register_ring_fd(&ring_);
    enter_fd_ = ring_.enter_ring_fd;
    if (enter_fd_ != ring_.ring_fd) enter_flags_ |= IORING_ENTER_REGISTERED_RING;
    if (ring_.features & feature_no_iowait) enter_flags_ |= enter_no_iowait;
    for (unsigned i = 0; i < ring_.sq.ring_entries; ++i) ring_.sq.array[i] = i;
    tail_ = *ring_.sq.ktail;
}

// Asks for less until the kernel knows every flag.
void ring::set_up(const features& enabled) {
    constexpr unsigned sizes = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
    constexpr unsigned cooperative = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
    constexpr unsigned deferred = IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
    constexpr unsigned choices[] = {
        sizes | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | deferred,
        sizes | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | cooperative,
        sizes | IORING_SETUP_SUBMIT_ALL | cooperative,
        sizes | IORING_SETUP_SUBMIT_ALL,
        sizes,
    };
    int result = -EINVAL;
    for (const unsigned flags : choices) {
        if ((flags & IORING_SETUP_DEFER_TASKRUN) != 0 && !enabled.defer_taskrun) continue;
        io_uring_params params{};
        params.flags = flags;
        const unsigned entries = faults::replaced(submission_entries, &faults::knobs::ring_entries);
        params.cq_entries = entries == submission_entries ? completion_entries : 2 * entries;
        result = io_uring_queue_init_params(entries, &ring_, &params);
        if (result != -EINVAL) break;
    }
    if (result < 0) throw refusal("io_uring_setup", -result);
}

ring::~ring() {
    if (forked()) return;
    pass_on(ring_);
    io_uring_queue_exit(&ring_);
}

bool ring::forked() const noexcept { return forks.load(std::memory_order_relaxed) != fork_generation_; }

void ring::check_process() const noexcept {
    LIBASYNC_ASSERT(!forked(), "a loop stays in the process that made it: after a fork the child makes its own");
}

io_uring_sqe* ring::next_entry(std::uint64_t user_data) noexcept {
    check_process();
    if (queued() == ring_.sq.ring_entries) {
        enter(0, 0, nullptr);
        if (queued() == ring_.sq.ring_entries) return nullptr;
    }
    io_uring_sqe* sqe = &ring_.sq.sqes[tail_++ & ring_.sq.ring_mask];
    std::memset(sqe, 0, sizeof *sqe);
    sqe->user_data = user_data;
    return sqe;
}

[[gnu::hot]] void ring::enter(unsigned min_complete, unsigned flags, const __kernel_timespec* timeout) noexcept {
    check_process();
    io_uring_getevents_arg argument{};
    argument.ts = reinterpret_cast<std::uintptr_t>(timeout);
    flags |= enter_flags_ | (timeout ? IORING_ENTER_EXT_ARG : 0);
    __atomic_store_n(ring_.sq.ktail, tail_, __ATOMIC_RELEASE);
    ++enters_;
    if (faults::happens(&faults::knobs::interrupts)) return;
    const auto count = static_cast<unsigned>(faults::cut(queued(), &faults::knobs::submit_max));
    if (count != queued()) min_complete = 0;  // the kernel does not wait after it left something behind
    const int result = io_uring_enter2(static_cast<unsigned>(enter_fd_), count, min_complete, flags,
                                       timeout ? reinterpret_cast<sigset_t*>(&argument) : nullptr, sizeof argument);
    if (result >= 0) {
        submissions_ += static_cast<unsigned>(result);
        return;
    }
    // Interrupted, the time is up, or memory is short: what was not taken stays queued for the next call.
    const bool passing =
        result == -EINTR || result == -ETIME || result == -EAGAIN || result == -EBUSY || result == -ENOMEM;
    LIBASYNC_ASSERT(passing, "the kernel takes the ring from its own thread and has lost no completion");
}

}  // namespace async::inline v0::io::uring
