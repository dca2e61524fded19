// The name that a unix socket is bound to, and the path that is removed with it, for the .cpp files of this directory.
#pragma once

#include <cstdint>

#include <libasync/io/system_calls.hpp>

namespace async::inline v0::detail {

struct path_options {
    std::uint32_t permissions = 0;  // chmod(2); 0 leaves them to umask(2)
    bool replace_stale = true;      // a socket of nobody's that stands there goes first
};

// Move-only. Removes the path at its end if what stands there is still the socket that it was made for.
class bound_path {
public:
    bound_path() = default;
    bound_path(bound_path&& other) noexcept { *this = std::move(other); }
    bound_path& operator=(bound_path&& other) noexcept;
    ~bound_path() { remove(); }

    // Binds `socket`, which is of that type. Throws std::system_error, naming `operation` and `where`.
    static bound_path bind(io::system_calls& system, native_handle socket, io::socket_type type,
                           const unix_endpoint& where, const path_options& options, const char* operation);

    const unix_endpoint& name() const noexcept { return where_; }
    void remove() noexcept;

private:
    unix_endpoint where_;
    io::file_identity identity_;  // of what stands at the path; number 0: there is none
    io::system_calls* system_ = nullptr;
};

}  // namespace async::inline v0::detail
