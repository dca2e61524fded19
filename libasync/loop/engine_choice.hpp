// Which engine a loop runs on: the options decide, then LIBASYNC_ENGINE, then whether io_uring works here.
#pragma once

#include <memory>

#include <libasync/io/engine.hpp>
#include <libasync/loop/options.hpp>

namespace async::inline v0::detail {

// Throws std::invalid_argument for a name it does not know, std::runtime_error (with the reason) if the engine that
// was asked for cannot run. Where none was asked for and io_uring is refused, says so once in the log.
std::unique_ptr<io::engine> choose_engine(const loop_options& options);

}  // namespace async::inline v0::detail
