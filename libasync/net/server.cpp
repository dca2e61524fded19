#include <libasync/net/server.hpp>

#include <system_error>

namespace async::inline v0 {

basic_server& basic_server::operator=(basic_server&& other) noexcept {
    if (this == &other) return *this;
    close();
    core_ = std::move(other.core_);
    return *this;
}

const std::shared_ptr<detail::server_core>& basic_server::require(const char* operation) const {
    if (!core_) throw std::system_error(make_error_code(errc::closed), operation);
    return core_;
}

}  // namespace async::inline v0
