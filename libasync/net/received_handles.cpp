#include <libasync/net/received_handles.hpp>

#include <libasync/net/socket_setup.hpp>

namespace async::inline v0 {

received_handles::~received_handles() {
    for (const native_handle h : handles_) {
        if (h != invalid_handle) detail::close_left_handle(system_, h);
    }
}

}  // namespace async::inline v0
