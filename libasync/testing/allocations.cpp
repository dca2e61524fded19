#include <libasync/testing/allocations.hpp>

#include <atomic>
#include <cstdlib>
#include <new>
#include <utility>

#include <libasync/detail/unfailing.hpp>

namespace async::inline v0::testing {

namespace {

constinit thread_local std::uint64_t thread_allocations = 0;
constinit thread_local fail_allocation* thread_failure = nullptr;
constinit std::atomic<std::int64_t> live{0};

}  // namespace

std::uint64_t allocations() noexcept { return thread_allocations; }

std::int64_t live_allocations() noexcept { return live.load(std::memory_order_relaxed); }

fail_allocation::fail_allocation(std::uint64_t k, how mode) noexcept
    : outer_(std::exchange(thread_failure, this)),
      left_(k),
      mode_(mode) {}

fail_allocation::~fail_allocation() { thread_failure = outer_; }

void fail_allocation::disarm_current() noexcept {
    if (thread_failure) thread_failure->disarm();
}

bool fail_allocation::next_fails() noexcept {
    if (!armed_) return false;
    if (left_ != 0) {
        --left_;
        return false;
    }
    fired_ = true;
    if (mode_ == how::once) armed_ = false;
    return true;
}

no_failures::no_failures() noexcept : suspended_(std::exchange(thread_failure, nullptr)) {}

no_failures::~no_failures() { thread_failure = suspended_; }

namespace {

constexpr std::size_t default_alignment = __STDCPP_DEFAULT_NEW_ALIGNMENT__;

void* from_heap(std::size_t size, std::size_t alignment) noexcept {
    if (size == 0) size = 1;
#ifdef _WIN32
    return alignment <= default_alignment ? std::malloc(size) : ::_aligned_malloc(size, alignment);
#else
    if (alignment <= default_alignment) return std::malloc(size);
    void* memory = nullptr;
    return ::posix_memalign(&memory, alignment, size) == 0 ? memory : nullptr;
#endif
}

// Null if it fails.
void* allocate(std::size_t size, std::size_t alignment) noexcept {
    if (detail::unfailing_depth == 0) {
        ++thread_allocations;
        if (thread_failure && thread_failure->next_fails()) return nullptr;
    }
    void* memory = from_heap(size, alignment);
    if (memory) live.fetch_add(1, std::memory_order_relaxed);
    return memory;
}

void* allocate_or_throw(std::size_t size, std::size_t alignment) {
    if (void* memory = allocate(size, alignment)) return memory;
    throw std::bad_alloc();
}

void release(void* memory) noexcept {
    if (!memory) return;
    live.fetch_sub(1, std::memory_order_relaxed);
    std::free(memory);
}

void release_aligned(void* memory, std::align_val_t alignment) noexcept {
#ifdef _WIN32
    if (memory && static_cast<std::size_t>(alignment) > default_alignment) {
        live.fetch_sub(1, std::memory_order_relaxed);
        return ::_aligned_free(memory);
    }
#endif
    static_cast<void>(alignment);
    release(memory);
}

}  // namespace

}  // namespace async::inline v0::testing

namespace {

using namespace async::testing;

constexpr std::size_t of(std::align_val_t alignment) noexcept { return static_cast<std::size_t>(alignment); }

}  // namespace

// clang-format off
void* operator new(std::size_t n) { return allocate_or_throw(n, default_alignment); }
void* operator new[](std::size_t n) { return allocate_or_throw(n, default_alignment); }
void* operator new(std::size_t n, std::align_val_t a) { return allocate_or_throw(n, of(a)); }
void* operator new[](std::size_t n, std::align_val_t a) { return allocate_or_throw(n, of(a)); }
void* operator new(std::size_t n, const std::nothrow_t&) noexcept { return allocate(n, default_alignment); }
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept { return allocate(n, default_alignment); }
void* operator new(std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept { return allocate(n, of(a)); }
void* operator new[](std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept { return allocate(n, of(a)); }

void operator delete(void* p) noexcept { release(p); }
void operator delete[](void* p) noexcept { release(p); }
void operator delete(void* p, std::size_t) noexcept { release(p); }
void operator delete[](void* p, std::size_t) noexcept { release(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { release(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { release(p); }
void operator delete(void* p, std::align_val_t a) noexcept { release_aligned(p, a); }
void operator delete[](void* p, std::align_val_t a) noexcept { release_aligned(p, a); }
void operator delete(void* p, std::size_t, std::align_val_t a) noexcept { release_aligned(p, a); }
void operator delete[](void* p, std::size_t, std::align_val_t a) noexcept { release_aligned(p, a); }
void operator delete(void* p, std::align_val_t a, const std::nothrow_t&) noexcept { release_aligned(p, a); }
void operator delete[](void* p, std::align_val_t a, const std::nothrow_t&) noexcept { release_aligned(p, a); }
// clang-format on
