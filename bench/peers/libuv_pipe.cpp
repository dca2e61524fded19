// `libuv_pipe --path PATH`: an echo over a unix socket; uv_try_write first, the rest is queued.
#include "arguments.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <uv.h>

namespace {

char shared[64 * 1024];

struct reply {
    uv_write_t request;
    char* bytes;
};

void end(uv_stream_t* stream) {
    if (uv_is_closing(reinterpret_cast<uv_handle_t*>(stream))) return;
    uv_close(reinterpret_cast<uv_handle_t*>(stream),
             [](uv_handle_t* handle) { delete reinterpret_cast<uv_pipe_t*>(handle); });
}

void queue(uv_stream_t* stream, const char* bytes, std::size_t size) {
    auto* one = new reply{{}, static_cast<char*>(std::malloc(size))};
    std::memcpy(one->bytes, bytes, size);
    const uv_buf_t buffer = uv_buf_init(one->bytes, static_cast<unsigned>(size));
    uv_write(&one->request, stream, &buffer, 1, [](uv_write_t* request, int) {
        auto* done = reinterpret_cast<reply*>(request);
        std::free(done->bytes);
        delete done;
    });
}

void on_read(uv_stream_t* stream, ssize_t got, const uv_buf_t* buffer) {
    if (got < 0) return end(stream);
    const uv_buf_t bytes = uv_buf_init(buffer->base, static_cast<unsigned>(got));
    const int sent = std::max(uv_try_write(stream, &bytes, 1), 0);
    if (sent < got) queue(stream, buffer->base + sent, static_cast<std::size_t>(got - sent));
}

void on_connection(uv_stream_t* listener, int status) {
    if (status < 0) return;
    auto* one = new uv_pipe_t{};
    uv_pipe_init(listener->loop, one, 0);
    auto* stream = reinterpret_cast<uv_stream_t*>(one);
    if (uv_accept(listener, stream) < 0) return end(stream);
    uv_read_start(
        stream, [](uv_handle_t*, std::size_t, uv_buf_t* buffer) { *buffer = uv_buf_init(shared, sizeof shared); },
        on_read);
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    uv_loop_t loop;
    uv_pipe_t listener;
    if (uv_loop_init(&loop) < 0 || uv_pipe_init(&loop, &listener, 0) < 0 ||
        uv_pipe_bind(&listener, peers::value_of(argc, argv, "--path", "")) < 0 ||
        uv_listen(reinterpret_cast<uv_stream_t*>(&listener), 4096, on_connection) < 0)
        return 1;
    uv_run(&loop, UV_RUN_DEFAULT);
}
