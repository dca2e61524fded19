#include <libasync/net/tls_stream.hpp>

#include <stdexcept>

#include <libasync/coro/checkpoint.hpp>
#include <libasync/net/connect.hpp>
#include <libasync/net/tls/description.hpp>
#include <libasync/net/tls/session.hpp>

namespace async::inline v0 {

static_assert(byte_stream<tls_stream>);

using detail::tls_role;
using detail::tls_session;

namespace {

template <class T>
task<T> fail_closed(const char* operation) {
    co_await detail::checkpoint();
    throw std::system_error(make_error_code(errc::closed), std::string(operation) + " a closed stream");
}

task<void> nothing() { co_return; }

detail::tls_session_ptr make_session(any_stream transport, const tls_context& context, const tls_options& options,
                                          tls_role role) {
    if (context.state()->role() != role) {
        throw std::invalid_argument(role == tls_role::client ? "tls_stream::upgrade: the context of a server"
                                                             : "tls_stream::accept: the context of a client");
    }
    if (role == tls_role::client && context.state()->verifies() && options.server_name.empty()) {
        throw std::invalid_argument("tls_stream::upgrade: without server_name the certificate cannot be verified");
    }
    return detail::tls_session_ptr(new tls_session(std::move(transport), context.state(), options));
}

// The options, with what they refer to.
struct kept_options {
    explicit kept_options(const tls_options& o)
        : name(o.server_name),
          alpn(o.alpn),
          received(static_cast<const char*>(o.already_read.data()), o.already_read.size()),
          options(o) {}

    tls_options get() const {
        tls_options o = options;
        o.server_name = name;
        o.alpn = alpn;
        o.already_read = received;
        return o;
    }

    std::string name, alpn, received;
    tls_options options;
};

const tls_context& context_of_the_process() {
    static const tls_context context = tls_context::client();
    return context;
}

task<tls_stream> connect_and_upgrade(task<tcp_stream> connecting, kept_options options, tls_context context) {
    tcp_stream transport = co_await std::move(connecting);
    co_return co_await tls_stream::upgrade(std::move(transport), context, options.get());
}

}  // namespace

tls_stream::tls_stream() noexcept = default;
tls_stream::tls_stream(tls_stream&& other) noexcept = default;
tls_stream::tls_stream(detail::tls_session_ptr session) noexcept : session_(std::move(session)) {}

tls_stream& tls_stream::operator=(tls_stream&& other) noexcept {
    if (this == &other) return *this;
    if (session_) session_->drop();
    session_ = std::move(other.session_);
    return *this;
}

tls_stream::~tls_stream() {
    if (session_) session_->drop();
}

task<tls_stream> tls_stream::upgrade(any_stream transport, const tls_context& context, const tls_options& options) {
    return shake_hands(make_session(std::move(transport), context, options, tls_role::client),
                       options.handshake_timeout);
}

task<tls_stream> tls_stream::accept(any_stream transport, const tls_context& context, const tls_options& options) {
    return shake_hands(make_session(std::move(transport), context, options, tls_role::server),
                       options.handshake_timeout);
}

task<tls_stream> tls_stream::shake_hands(detail::tls_session_ptr session, std::chrono::milliseconds limit) {
    tls_stream stream(session);
    cancel_scope scope(this_loop().deadline_after(limit));
    std::exception_ptr failure;
    try {
        const auto done = co_await scope.run(tls_session::handshake(session));
        if (!done) {
            throw tls_error(tls_errc::handshake_timed_out,
                            session->describe("TLS handshake with") + ": not done in " +
                                std::to_string(limit.count()) + " ms");
        }
    } catch (const std::system_error&) {
        failure = std::current_exception();
    }
    if (!failure) co_return stream;
    co_await tls_session::give_up(session);
    std::rethrow_exception(failure);
}

detail::readable* tls_stream::reading_state() const noexcept { return session_.get(); }

task<chunk> tls_stream::read() { return detail::read_plainly(detail::readable_ref(session_.get())); }

task<std::size_t> tls_stream::read_some(std::span<std::byte> into) {
    return session_ ? tls_session::read_some(session_, into) : fail_closed<std::size_t>("read_some from");
}

task<void> tls_stream::write_all(const detail::write_list& list) {
    return session_ ? tls_session::write(session_, list) : fail_closed<void>("write to");
}

std::uint64_t tls_stream::written() const noexcept { return session_ ? session_->written() : 0; }

task<void> tls_stream::shutdown_write() {
    return session_ ? tls_session::shutdown_write(session_) : fail_closed<void>("shutdown_write of");
}

task<void> tls_stream::close() {
    if (!session_) return nothing();
    session_->drop_ahead();
    return tls_session::close(session_);
}

void tls_stream::abort() noexcept {
    if (!session_) return;
    session_->drop_ahead();
    session_->abort();
}

bool tls_stream::is_open() const noexcept { return session_ && session_->is_open(); }

void tls_stream::renew_keys() {
    if (!session_) throw std::system_error(make_error_code(errc::closed), "renew_keys of a closed stream");
    session_->renew_keys();
}

std::string tls_stream::alpn() const { return session_ ? detail::alpn_of(session_->engine()) : std::string(); }
std::string tls_stream::version() const { return session_ ? detail::version_of(session_->engine()) : std::string(); }
std::string tls_stream::cipher() const { return session_ ? detail::cipher_of(session_->engine()) : std::string(); }
std::string tls_stream::server_name() const {
    return session_ ? detail::server_name_of(session_->engine()) : std::string();
}
bool tls_stream::session_reused() const noexcept { return session_ && detail::session_reused(session_->engine()); }
std::string tls_stream::peer_certificate() const {
    return session_ ? detail::peer_certificate_of(session_->engine()) : std::string();
}
std::string tls_stream::peer_subject() const {
    return session_ ? detail::peer_subject_of(session_->engine()) : std::string();
}

task<tls_stream> tls_connect(endpoint peer, const tls_options& options) {
    return connect_and_upgrade(connect(peer), kept_options(options), context_of_the_process());
}

task<tls_stream> tls_connect(endpoint peer, const tls_options& options, const tls_context& context) {
    return connect_and_upgrade(connect(peer), kept_options(options), context);
}

task<tls_stream> tls_connect(std::string_view host, int port, const tls_options& options) {
    return tls_connect(host, port, options, context_of_the_process());
}

task<tls_stream> tls_connect(std::string_view host, int port, const tls_options& options, const tls_context& context) {
    tls_options named = options;
    if (named.server_name.empty()) named.server_name = host;
    return connect_and_upgrade(connect(host, port), kept_options(named), context);
}

}  // namespace async::inline v0
