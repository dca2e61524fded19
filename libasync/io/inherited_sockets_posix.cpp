#ifndef _WIN32

#include <libasync/io/inherited_sockets.hpp>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace async::inline v0::io {

namespace {

constexpr int first_descriptor = 3;  // SD_LISTEN_FDS_START
constexpr long most_descriptors = 1 << 20;

[[noreturn]] void throw_wrong(const char* variable, const char* value) {
    throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                            std::string("inherited sockets: ") + variable + " is '" + value + "'");
}

long number_in(const char* variable, const char* value, long least, long most) {
    const std::string_view text(value);
    long number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (!whole || number < least || number > most) throw_wrong(variable, value);
    return number;
}

// As many as there are descriptors. Without the variable, all are "unknown", as sd_listen_fds_with_names(3) has it.
std::vector<std::string> names_of(std::size_t count, const char* value) {
    std::vector<std::string> names;
    if (value == nullptr || count == 0) {
        names.assign(count, "unknown");
        return names;
    }
    std::string_view rest(value);
    for (;;) {
        const std::size_t end = rest.find(':');
        names.emplace_back(rest.substr(0, end));
        if (end == rest.npos) break;
        rest.remove_prefix(end + 1);
    }
    if (names.size() != count) throw_wrong("LISTEN_FDNAMES", value);
    return names;
}

void close_on_exec(int descriptor) {
    const int flags = ::fcntl(descriptor, F_GETFD);
    if (flags >= 0 && ::fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC) == 0) return;
    throw std::system_error(errno, std::generic_category(),
                            "inherited sockets: descriptor " + std::to_string(descriptor));
}

}  // namespace

std::vector<inherited_handle> take_inherited() {
    const char* const pid = std::getenv("LISTEN_PID");
    const char* const count = std::getenv("LISTEN_FDS");
    if (pid == nullptr || count == nullptr) return {};
    constexpr long any_pid = 0x7fffffff;
    if (number_in("LISTEN_PID", pid, 1, any_pid) != ::getpid()) return {};  // meant for somebody else
    const long descriptors = number_in("LISTEN_FDS", count, 0, most_descriptors);
    std::vector<std::string> names = names_of(static_cast<std::size_t>(descriptors), std::getenv("LISTEN_FDNAMES"));
    std::vector<inherited_handle> found;
    found.reserve(names.size());
    for (std::string& name : names) {
        const int descriptor = first_descriptor + static_cast<int>(found.size());
        close_on_exec(descriptor);
        found.push_back({descriptor, std::move(name)});
    }
    for (const char* variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(variable);
    return found;
}

bool is_tcp_listener(native_handle handle) noexcept {
    const int descriptor = static_cast<int>(handle);
    const auto option = [descriptor](int name) {
        int value = 0;
        socklen_t size = sizeof value;
        return ::getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
    };
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return false;
    const bool internet = address.ss_family == AF_INET || address.ss_family == AF_INET6;
    return internet && option(SO_TYPE) == SOCK_STREAM && option(SO_ACCEPTCONN) > 0;
}

}  // namespace async::inline v0::io

#endif
