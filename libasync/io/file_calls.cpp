#include <libasync/io/handle.hpp>
#include <libasync/io/system_calls.hpp>

namespace async::inline v0::io {

void file_handle::reset() noexcept {
    if (handle_ != invalid_handle) system_->close_file(std::exchange(handle_, invalid_handle));
}

}  // namespace async::inline v0::io
