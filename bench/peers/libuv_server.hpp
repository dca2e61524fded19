// An echo server on libuv: uv_try_write first, or always uv_write.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <uv.h>

namespace peers {

enum class writing { try_first, always_queued };

class uv_echo;

struct uv_connection {
    uv_tcp_t handle;
    uv_echo* owner;
};

struct uv_reply {
    uv_write_t request;
    uv_echo* owner;
    std::size_t size;
    char* bytes;
};

inline void check(int status, const char* what) {
    if (status < 0) throw std::runtime_error(std::string(what) + ": " + uv_strerror(status));
}

class uv_echo {
public:
    uv_echo(writing mode, std::uint16_t port) : mode_(mode) {
        check(uv_loop_init(&loop_), "uv_loop_init");
        check(uv_tcp_init(&loop_, &listener_), "uv_tcp_init");
        sockaddr_in address{};
        uv_ip4_addr("127.0.0.1", port, &address);
        check(uv_tcp_bind(&listener_, reinterpret_cast<const sockaddr*>(&address), 0), "uv_tcp_bind");
        listener_.data = this;
        check(uv_listen(reinterpret_cast<uv_stream_t*>(&listener_), 4096, on_connection), "uv_listen");
    }

    uv_echo(const uv_echo&) = delete;
    uv_echo& operator=(const uv_echo&) = delete;
    ~uv_echo() {
        uv_walk(
            &loop_,
            [](uv_handle_t* handle, void* self) {
                const bool listener = handle == reinterpret_cast<uv_handle_t*>(&static_cast<uv_echo*>(self)->listener_);
                if (!uv_is_closing(handle)) uv_close(handle, listener ? nullptr : on_close);
            },
            this);
        uv_run(&loop_, UV_RUN_DEFAULT);
        uv_loop_close(&loop_);
    }

    std::uint16_t port() const {
        sockaddr_in address{};
        int length = sizeof address;
        uv_tcp_getsockname(&listener_, reinterpret_cast<sockaddr*>(&address), &length);
        return ntohs(address.sin_port);
    }
    std::uint64_t echoed() const { return echoed_; }
    void run(uv_run_mode mode) { uv_run(&loop_, mode); }

private:
    static void on_close(uv_handle_t* handle) { delete reinterpret_cast<uv_connection*>(handle); }

    static void on_connection(uv_stream_t* listener, int status) {
        auto* self = static_cast<uv_echo*>(listener->data);
        if (status < 0) return;
        auto* connection = new uv_connection{{}, self};
        uv_tcp_init(&self->loop_, &connection->handle);
        auto* stream = reinterpret_cast<uv_stream_t*>(&connection->handle);
        if (uv_accept(listener, stream) < 0) return uv_close(reinterpret_cast<uv_handle_t*>(stream), on_close);
        uv_tcp_nodelay(&connection->handle, 1);
        uv_read_start(stream, on_alloc, on_read);
    }

    // try_first hands out one hot buffer; a queued write needs memory of its own until it has completed.
    static void on_alloc(uv_handle_t* handle, std::size_t suggested, uv_buf_t* buffer) {
        auto* self = reinterpret_cast<uv_connection*>(handle)->owner;
        if (self->mode_ == writing::try_first)
            *buffer = uv_buf_init(self->shared_, sizeof self->shared_);
        else
            *buffer = uv_buf_init(static_cast<char*>(std::malloc(suggested)), static_cast<unsigned>(suggested));
    }

    static void on_read(uv_stream_t* stream, ssize_t got, const uv_buf_t* buffer) {
        auto* self = reinterpret_cast<uv_connection*>(stream)->owner;
        const bool owned = self->mode_ == writing::always_queued;
        if (got <= 0 && owned) std::free(buffer->base);
        if (got < 0) uv_close(reinterpret_cast<uv_handle_t*>(stream), on_close);
        if (got <= 0) return;
        if (owned) return self->queue(stream, buffer->base, static_cast<std::size_t>(got));
        const uv_buf_t reply = uv_buf_init(buffer->base, static_cast<unsigned>(got));
        const int sent = std::max(uv_try_write(stream, &reply, 1), 0);
        self->echoed_ += static_cast<std::uint64_t>(sent);
        if (sent == got) return;
        const auto rest = static_cast<std::size_t>(got - sent);
        auto* copy = static_cast<char*>(std::malloc(rest));
        std::memcpy(copy, buffer->base + sent, rest);
        self->queue(stream, copy, rest);
    }

    void queue(uv_stream_t* stream, char* bytes, std::size_t size) {
        auto* reply = new uv_reply{{}, this, size, bytes};
        const uv_buf_t buffer = uv_buf_init(bytes, static_cast<unsigned>(size));
        uv_write(&reply->request, stream, &buffer, 1, [](uv_write_t* request, int status) {
            auto* done = reinterpret_cast<uv_reply*>(request);
            if (status == 0) done->owner->echoed_ += done->size;
            std::free(done->bytes);
            delete done;
        });
    }

    uv_loop_t loop_{};
    uv_tcp_t listener_{};
    writing mode_;
    std::uint64_t echoed_ = 0;
    char shared_[64 * 1024];
};

}  // namespace peers
