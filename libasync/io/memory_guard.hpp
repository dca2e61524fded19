// Watches the memory that operations in flight refer to. A sanitizer does not see what the kernel writes, so a buffer
// that is freed too early goes unnoticed: in a build with the address sanitizer every visit asks it for each of
// these places, and the first one that is freed ends the program, with a message that names the operation. In other
// builds nobody could tell, and nothing in here costs anything.
#pragma once

#include <libasync/io/operation.hpp>

#if defined(__SANITIZE_ADDRESS__)
#define LIBASYNC_GUARDS_MEMORY 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LIBASYNC_GUARDS_MEMORY 1
#endif
#endif
#ifndef LIBASYNC_GUARDS_MEMORY
#define LIBASYNC_GUARDS_MEMORY 0
#endif

namespace async::inline v0::io::memory_guard {

// Who refers to an operation: the kernel as long as a request of it is there, and the engine until it has ended.
enum class holder : std::uint8_t { kernel, engine };

#if LIBASYNC_GUARDS_MEMORY

// From here on `op`, and the memory it names now, must stay. Each thread has books of its own.
void hold(holder by, const operation& op) noexcept;
void let_go(holder by, const operation& op) noexcept;

// Aborts if something that is held by anybody on this thread was freed.
void check() noexcept;

// A buffer that waits for data is nobody's to touch, save the kernel's: who still uses a chunk that it has given up is
// found out.
void forbid(const void* memory, std::size_t size) noexcept;
void allow(const void* memory, std::size_t size) noexcept;

#else

inline void hold(holder, const operation&) noexcept {}
inline void let_go(holder, const operation&) noexcept {}
inline void check() noexcept {}
inline void forbid(const void*, std::size_t) noexcept {}
inline void allow(const void*, std::size_t) noexcept {}

#endif

}  // namespace async::inline v0::io::memory_guard
