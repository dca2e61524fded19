// TLS in a library that was built without OpenSSL (LIBASYNC_WITH_TLS=OFF): all of it throws function_not_supported.
#include <libasync/net/tls_stream.hpp>

namespace async::inline v0 {

namespace detail {

class tls_context_state {};
class tls_session {};

tls_session_ptr::tls_session_ptr(const tls_session_ptr&) noexcept {}
tls_session_ptr::~tls_session_ptr() {}

}  // namespace detail

namespace {

[[noreturn]] void not_supported() {
    throw std::system_error(std::make_error_code(std::errc::function_not_supported),
                            "TLS: this library was built without OpenSSL");
}

}  // namespace

tls_context tls_context::client(const tls_context_options&) { not_supported(); }
tls_context tls_context::server(std::string_view, std::string_view, const tls_context_options&) { not_supported(); }
tls_context tls_context::server(const tls_context_options&) { not_supported(); }
void tls_context::reload(std::string_view, std::string_view, std::string_view) { not_supported(); }
void tls_context::reload_pem(std::string_view, std::string_view, std::string_view) { not_supported(); }

tls_stream::tls_stream() noexcept = default;
tls_stream::tls_stream(tls_stream&&) noexcept = default;
tls_stream& tls_stream::operator=(tls_stream&&) noexcept = default;
tls_stream::~tls_stream() = default;

task<tls_stream> tls_stream::upgrade(any_stream, const tls_context&, const tls_options&) { not_supported(); }
task<tls_stream> tls_stream::accept(any_stream, const tls_context&, const tls_options&) { not_supported(); }
detail::readable* tls_stream::reading_state() const noexcept { return nullptr; }
task<chunk> tls_stream::read() { not_supported(); }
task<std::size_t> tls_stream::read_some(std::span<std::byte>) { not_supported(); }
task<void> tls_stream::write_all(const detail::write_list&) { not_supported(); }
std::uint64_t tls_stream::written() const noexcept { return 0; }
task<void> tls_stream::shutdown_write() { not_supported(); }
task<void> tls_stream::close() { co_return; }
void tls_stream::abort() noexcept {}
bool tls_stream::is_open() const noexcept { return false; }
void tls_stream::renew_keys() { not_supported(); }
std::string tls_stream::alpn() const { return {}; }
std::string tls_stream::version() const { return {}; }
std::string tls_stream::cipher() const { return {}; }
std::string tls_stream::server_name() const { return {}; }
bool tls_stream::session_reused() const noexcept { return false; }
std::string tls_stream::peer_certificate() const { return {}; }
std::string tls_stream::peer_subject() const { return {}; }

task<tls_stream> tls_connect(endpoint, const tls_options&) { not_supported(); }
task<tls_stream> tls_connect(endpoint, const tls_options&, const tls_context&) { not_supported(); }
task<tls_stream> tls_connect(std::string_view, int, const tls_options&) { not_supported(); }
task<tls_stream> tls_connect(std::string_view, int, const tls_options&, const tls_context&) { not_supported(); }

}  // namespace async::inline v0
