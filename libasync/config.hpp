// Version, the inline namespace, and the assertion macro that guards memory.
#pragma once

#if defined(__GNUC__) && !defined(__EXCEPTIONS)
#error "libasync needs exceptions: cancellation and errors travel as exceptions"
#endif

#if !defined(__cpp_impl_coroutine)
#error "libasync needs C++20 coroutines: compile with -std=c++20 or later"
#endif

#define LIBASYNC_VERSION_MAJOR 0
#define LIBASYNC_VERSION_MINOR 1
#define LIBASYNC_VERSION_PATCH 0

namespace async::inline v0::detail {

// Prints what was violated and where, then aborts.
[[noreturn]] void assertion_failed(const char* condition, const char* meaning, const char* file, int line) noexcept;

}  // namespace async::inline v0::detail

// An invariant of the library, never a check of input. Stays on in Release builds.
#define LIBASYNC_ASSERT(condition, meaning)                                                                            \
    (static_cast<bool>(condition) ? static_cast<void>(0)                                                               \
                                  : ::async::detail::assertion_failed(#condition, meaning, __FILE__, __LINE__))

// Frames are not recycled where a sanitizer should see each one's own allocation.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIBASYNC_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define LIBASYNC_SANITIZED 1
#endif
#endif
#ifndef LIBASYNC_SANITIZED
#define LIBASYNC_SANITIZED 0
#endif

#if defined(__SANITIZE_THREAD__)
#define LIBASYNC_THREAD_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LIBASYNC_THREAD_SANITIZED 1
#endif
#endif
#ifndef LIBASYNC_THREAD_SANITIZED
#define LIBASYNC_THREAD_SANITIZED 0
#endif

#if defined(__GNUC__) && !defined(_WIN32)
#define LIBASYNC_EXPORT __attribute__((visibility("default")))
#else
#define LIBASYNC_EXPORT
#endif
