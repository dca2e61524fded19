#include "link.hpp"

#include <cerrno>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

#ifdef BENCH_HAS_OPENSSL
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string>
#endif

namespace load {
namespace {

class plain_link final : public link {
public:
    explicit plain_link(int fd) : link(fd) {}
    ~plain_link() override { ::close(fd_); }

    std::size_t send(const char* bytes, std::size_t size) override {
        const auto sent = ::send(fd_, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) fail("send");
        return sent < 0 ? 0 : static_cast<std::size_t>(sent);
    }

    // Truncation throws the bytes away in the kernel, of TCP.
    ssize_t receive(char* into, std::size_t size, bool drop) override {
        const auto got = ::recv(fd_, into, size, MSG_DONTWAIT | (drop ? MSG_TRUNC : 0));
        if (got < 0 && errno != EAGAIN) fail("recv");
        if (got == 0) throw std::runtime_error("the server closed a connection");
        return got;
    }
};

#ifdef BENCH_HAS_OPENSSL

[[noreturn]] void fail_tls(const char* what) {
    char reason[200];
    ::ERR_error_string_n(::ERR_get_error(), reason, sizeof reason);
    throw std::runtime_error(std::string(what) + ": " + reason);
}

// All servers get the same offer: TLS 1.3 with one cipher suite. The certificate is not looked at.
SSL_CTX* context() {
    static SSL_CTX* const shared = [] {
        SSL_CTX* made = ::SSL_CTX_new(::TLS_client_method());
        if (made == nullptr) fail_tls("SSL_CTX_new");
        ::SSL_CTX_set_min_proto_version(made, TLS1_3_VERSION);
        ::SSL_CTX_set_ciphersuites(made, "TLS_AES_128_GCM_SHA256");
        ::SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        ::SSL_CTX_set_read_ahead(made, 1);
        return made;
    }();
    return shared;
}

class tls_link final : public link {
public:
    explicit tls_link(int fd) : link(fd), ssl_(::SSL_new(context())) {
        if (ssl_ == nullptr || ::SSL_set_fd(ssl_, fd) != 1 || ::SSL_connect(ssl_) != 1) fail_tls("handshake");
        ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    }
    ~tls_link() override {
        ::SSL_free(ssl_);
        ::close(fd_);
    }

    std::size_t send(const char* bytes, std::size_t size) override {
        const int sent = ::SSL_write(ssl_, bytes, static_cast<int>(size));
        if (sent > 0) return static_cast<std::size_t>(sent);
        if (!must_wait(sent)) fail_tls("SSL_write");
        return 0;
    }

    ssize_t receive(char* into, std::size_t size, bool) override {
        const int got = ::SSL_read(ssl_, into, static_cast<int>(size));
        if (got > 0) return got;
        if (must_wait(got)) return -1;
        fail_tls("SSL_read");
    }

private:
    bool must_wait(int result) {
        const int why = ::SSL_get_error(ssl_, result);
        return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
    }

    SSL* ssl_;
};

#endif

}  // namespace

std::unique_ptr<link> open_link(const options& wanted) {
    if (!wanted.tls) return std::make_unique<plain_link>(connect_to(wanted));
#ifdef BENCH_HAS_OPENSSL
    return std::make_unique<tls_link>(connect_to(wanted));
#else
    throw std::runtime_error("built without OpenSSL");
#endif
}

}  // namespace load
