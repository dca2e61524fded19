// TLS without I/O: what has arrived goes in, what is to be sent comes out, and plain text at the other side.
#pragma once

#include <span>
#include <string>

#include <libasync/io/buffer.hpp>
#include <libasync/net/tls/cipher_buffer.hpp>
#include <libasync/net/tls/context_state.hpp>

struct bio_st;

namespace async::inline v0::detail {

enum class tls_step : std::uint8_t {
    done,
    needs_input,  // feed it
    needs_room,   // first what was to be sent must be taken
    ended,        // the peer has said that it sends no more
    failed,       // for good; `failure` tells why
};

class tls_engine {
public:
    // For a client: `server_name`, a host name or a numeric address, is what the certificate must be for; empty if it
    // is not verified. `alpn` as it is sent, or empty for that of the context. Throws tls_error, std::bad_alloc.
    tls_engine(tls_context_state& context, std::string server_name, const std::string& alpn);
    tls_engine(const tls_engine&) = delete;
    tls_engine& operator=(const tls_engine&) = delete;
    ~tls_engine();

    // These throw std::bad_alloc, after which they may be repeated, unless OpenSSL itself had no memory.
    tls_step handshake();
    // Whether there is plain text to be read: `done`.
    tls_step look();
    // At least one byte, if `done`.
    tls_step read(std::span<std::byte> into, std::size_t& count);
    // One record at most. There must be room for it.
    tls_step write(const void* data, std::size_t size, std::size_t& count);

    // Says that nothing more will be sent; nothing happens if that cannot be said any more.
    void send_end() noexcept;
    // Goes on with new keys and asks the peer for the same; only with TLS 1.3 (RFC 8446, 4.6.3).
    void ask_for_new_keys();

    // Plain text that can be read is no more than this.
    std::size_t readable_at_most() const noexcept;

    void feed(chunk data) noexcept {
        input_ = std::move(data);
        drained_ = false;
    }
    bool has_input() const noexcept { return !input_.empty(); }
    cipher_buffer& output() noexcept { return output_; }

    // "certificate verify failed: hostname mismatch for example.org"
    tls_errc failure_code() const noexcept { return code_; }
    const std::string& failure() const noexcept { return reason_; }
    bool failed() const noexcept { return failed_; }

    const std::string& server_name() const noexcept { return server_name_; }
    bool keep_session(ssl_session_st* session) noexcept;
    ssl_st* ssl() const noexcept { return ssl_.get(); }

private:
    friend struct engine_bio;

    void set_server(const std::string& alpn);
    tls_step outcome_of(int result);
    tls_step fail();

    tls_context_state& context_;
    const std::string server_name_;
    ssl_ptr ssl_;
    chunk input_;
    cipher_buffer output_;
    std::string reason_;
    tls_errc code_ = tls_errc::protocol;
    bool failed_ = false;
    bool out_of_memory_ = false;  // a buffer could not grow
    bool end_sent_ = false;
    bool drained_ = false;  // all that came was read, and OpenSSL would only say that it needs more
};

}  // namespace async::inline v0::detail
