#include <libasync/io/file_calls.hpp>

namespace async::inline v0::io {

void file_handle::reset() noexcept {
    if (handle_ != invalid_handle) close_file(std::exchange(handle_, invalid_handle));
}

}  // namespace async::inline v0::io
