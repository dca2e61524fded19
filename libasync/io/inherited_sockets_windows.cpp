#ifdef _WIN32

#include <libasync/io/inherited_sockets.hpp>

#include <winsock2.h>

namespace async::inline v0::io {

std::vector<inherited_handle> take_inherited() { return {}; }

bool is_tcp_listener(native_handle handle) noexcept {
    const auto option = [handle](int name) {
        DWORD value = 0;
        int size = sizeof value;
        const int failed = ::getsockopt(static_cast<SOCKET>(handle), SOL_SOCKET, name, reinterpret_cast<char*>(&value), &size);
        return failed == 0 ? static_cast<int>(value) : -1;
    };
    return option(SO_TYPE) == SOCK_STREAM && option(SO_ACCEPTCONN) > 0;
}

}  // namespace async::inline v0::io

#endif
