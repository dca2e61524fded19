// A TLS connection (RFC 8446, RFC 5246) over any stream.
//
//   const auto context = async::tls_context::client();
//   async::tls_stream stream = co_await async::tls_connect(where, {.server_name = "example.org"}, context);
//   co_await stream.write("hello\n");
//
//   const auto context = async::tls_context::server("chain.pem", "key.pem");
//   async::tls_stream client = co_await async::tls_stream::accept(co_await listener.accept(), context);
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <libasync/detail/exchange.hpp>
#include <libasync/io/endpoint.hpp>
#include <libasync/net/any_stream.hpp>
#include <libasync/net/tls_context.hpp>

namespace async::inline v0 {

namespace detail {

class tls_session;

// A counted reference to what a stream and its pending operations share.
class tls_session_ptr {
public:
    tls_session_ptr() = default;
    // Takes over one count.
    explicit tls_session_ptr(tls_session* s) noexcept : session_(s) {}
    tls_session_ptr(const tls_session_ptr& other) noexcept;
    tls_session_ptr(tls_session_ptr&& other) noexcept : session_(detail::exchange(other.session_, nullptr)) {}
    tls_session_ptr& operator=(tls_session_ptr other) noexcept {
        std::swap(session_, other.session_);
        return *this;
    }
    ~tls_session_ptr();

    tls_session& operator*() const noexcept { return *session_; }
    tls_session* operator->() const noexcept { return session_; }
    tls_session* get() const noexcept { return session_; }
    explicit operator bool() const noexcept { return session_ != nullptr; }

private:
    tls_session* session_ = nullptr;
};

}  // namespace detail

// Texts and bytes are copied at the call that takes the options.
struct tls_options {
    // For clients: the host name or numeric address that the server's certificate must be for; sent to the server if it
    // is a name (SNI, RFC 6066). Sessions are resumed by it.
    std::string_view server_name = {};
    // For clients: protocols to offer instead of those of the context.
    std::string_view alpn = {};
    // Until when the handshake must be done, or it fails with tls_errc::handshake_timed_out.
    std::chrono::milliseconds handshake_timeout{60'000};
    // How long `close` tries to send what is left, and then waits for the peer's own end.
    std::chrono::milliseconds shutdown_timeout{3'000};
    // The transport's end counts as the end where the peer did not send TLS's: for protocols that tell by themselves
    // whether a message is complete. Anybody on the way can cause such an end.
    bool ignore_truncation = false;
    // Bytes of the peer's that were read from the transport before TLS began.
    const_bytes already_read = {};
};
static_assert(std::is_trivially_destructible_v<tls_options>);

// Move-only; models byte_stream, and reads lines, and what else buffered_reads has. At most one task reads and one
// writes at a time; a second one gets errc::busy, and neither waits for the other. Destroying the stream closes the
// transport without TLS's end: the peer takes that for a truncation, as after `abort`.
//
// Errors of TLS are tls_error, those of the transport are std::system_error as there. They end the stream for reading
// for good.
class tls_stream : public buffered_reads<tls_stream> {
public:
    // Closed from the start: every operation gives errc::closed.
    tls_stream() noexcept;
    tls_stream(tls_stream&& other) noexcept;
    tls_stream& operator=(tls_stream&& other) noexcept;
    ~tls_stream();

    // Begins TLS as a client over a stream on which nothing else is pending. Throws tls_error if the server is not
    // trusted or the handshake fails; std::invalid_argument without a server_name, unless the context verifies nothing.
    // Whatever it throws, the stream is closed. Cancel class: poisoning: the transport is closed.
    static task<tls_stream> upgrade(any_stream transport, const tls_context& context, const tls_options& options = {});

    // The same as a server. Cancel class: poisoning: the transport is closed.
    static task<tls_stream> accept(any_stream transport, const tls_context& context, const tls_options& options = {});

    // What has arrived, at least one byte, of several records if they are there; empty once the peer has said that it
    // sends no more. Throws tls_errc::truncated if the transport ends without that. Cancel class: lossless.
    task<chunk> read();

    // The same into the caller's memory; gives the count. Cancel class: lossless.
    task<std::size_t> read_some(std::span<std::byte> into);

    // Sends all of up to 16 buffers, small ones joined in one record. They must stay where they are until then.
    // Completes when the transport has taken what became of them. Cancelled before a byte was encrypted it has done
    // nothing. What is encrypted is sent: a write completes when it is cancelled with all encrypted, and poisons with a
    // part: later writes give errc::broken, and `written` tells how much the peer will read.
    // Cancel class: poisoning.
    template <class... Buffers>
        requires detail::write_buffers<Buffers...>
    task<void> write(const Buffers&... buffers) {
        return write_all(detail::write_list(buffers...));
    }

    // Bytes of plain text that were encrypted so far.
    std::uint64_t written() const noexcept;

    // Tells the peer that nothing more will be written (close_notify); reading goes on. The transport stays open in
    // both directions. Peers that speak TLS 1.2 may close in turn. Cancel class: lossless.
    task<void> shutdown_write();

    // Sends what is left and TLS's end, waits for the peer's end, and closes the transport; all that no longer than
    // the options' shutdown_timeout. What arrives meanwhile is dropped. It does not fail because the peer is gone. In a
    // cancelled scope it does not wait for the peer's end. May be repeated. Cancel class: deferred.
    task<void> close();

    // Closes at once; what was not sent yet is lost, and the peer sees a truncation or a reset.
    void abort() noexcept;

    bool is_open() const noexcept;

    // Goes on with new keys, and asks the peer for the same (RFC 8446, 4.6.3); without effect before TLS 1.3, or
    // while it is under way. Throws errc::closed, errc::broken.
    void renew_keys();

    // What was agreed on in the handshake; empty for a stream that is closed from the start. They throw std::bad_alloc.
    std::string alpn() const;
    std::string version() const;  // "TLSv1.3"
    std::string cipher() const;   // "TLS_AES_256_GCM_SHA384"
    // The name that the client asked for (SNI); empty if none.
    std::string server_name() const;
    // Whether an earlier session was resumed.
    bool session_reused() const noexcept;
    // As PEM; empty if the peer has sent none.
    std::string peer_certificate() const;
    // "CN=example.org,O=Example" (RFC 2253); empty if the peer has sent no certificate.
    std::string peer_subject() const;

private:
    friend class buffered_reads<tls_stream>;
    detail::readable* reading_state() const noexcept;
    explicit tls_stream(detail::tls_session_ptr session) noexcept;
    static task<tls_stream> shake_hands(detail::tls_session_ptr session, std::chrono::milliseconds limit);
    task<void> write_all(const detail::write_list& list);

    detail::tls_session_ptr session_;
};

// Connects to `peer` and begins TLS as a client; the context is one of the process's own that trusts whom the system
// trusts, or the one that is given. Throws as connect and tls_stream::upgrade. Cancel class: lossless.
task<tls_stream> tls_connect(endpoint peer, const tls_options& options);
// Cancel class: lossless.
task<tls_stream> tls_connect(endpoint peer, const tls_options& options, const tls_context& context);

// The same with a name, which is looked up as by connect, and is the server_name unless the options give another.
// Cancel class: lossless.
task<tls_stream> tls_connect(std::string_view host, int port, const tls_options& options = {});
// Cancel class: lossless.
task<tls_stream> tls_connect(std::string_view host, int port, const tls_options& options, const tls_context& context);

}  // namespace async::inline v0
