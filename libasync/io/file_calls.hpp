// The file calls of the operating system, in their blocking form, under one name for POSIX and Windows.
#pragma once

#include <libasync/io/operation.hpp>
#include <libasync/io/system_calls.hpp>

namespace async::inline v0::io {

// Executes a file operation (open_file, read_at, write_at, file_size, sync_file, close_file) in place, or the
// function of a work_op, and records the outcome in `op.error` and `op.result`. On any thread.
void execute_blocking(operation& op) noexcept;

void close_file(native_handle file) noexcept;

// As system_calls::cached.
std::size_t cached(native_handle file, std::uint64_t offset, std::size_t count) noexcept;

}  // namespace async::inline v0::io
