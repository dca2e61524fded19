// `libuv_bulk --port N --mode sink|source`: reads all that comes, or writes blocks of 64 KiB for ever.
#include "arguments.hpp"

#include <csignal>
#include <netinet/in.h>
#include <uv.h>
#include <vector>

namespace {

std::vector<char> block(64 * 1024, 'x');
bool sends = false;

// One of the source's: the write that is pending.
struct connection {
    uv_tcp_t handle;
    uv_write_t request;
};

void end(uv_stream_t* stream) {
    if (uv_is_closing(reinterpret_cast<uv_handle_t*>(stream))) return;
    uv_close(reinterpret_cast<uv_handle_t*>(stream),
             [](uv_handle_t* handle) { delete reinterpret_cast<connection*>(handle); });
}

void write_block(uv_stream_t* stream) {
    const uv_buf_t bytes = uv_buf_init(block.data(), static_cast<unsigned>(block.size()));
    auto* one = reinterpret_cast<connection*>(stream);
    uv_write(&one->request, stream, &bytes, 1, [](uv_write_t* request, int status) {
        if (status < 0)
            end(request->handle);
        else
            write_block(request->handle);
    });
}

void read_all(uv_stream_t* stream) {
    uv_read_start(
        stream,
        [](uv_handle_t*, std::size_t, uv_buf_t* buffer) {
            *buffer = uv_buf_init(block.data(), static_cast<unsigned>(block.size()));
        },
        [](uv_stream_t* from, ssize_t got, const uv_buf_t*) {
            if (got < 0) end(from);
        });
}

void on_connection(uv_stream_t* listener, int status) {
    if (status < 0) return;
    auto* one = new connection{};
    uv_tcp_init(listener->loop, &one->handle);
    auto* stream = reinterpret_cast<uv_stream_t*>(&one->handle);
    if (uv_accept(listener, stream) < 0) return end(stream);
    uv_tcp_nodelay(&one->handle, 1);
    if (sends)
        write_block(stream);
    else
        read_all(stream);
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    sends = std::string_view(peers::value_of(argc, argv, "--mode", "sink")) == "source";
    uv_loop_t loop;
    uv_tcp_t listener;
    sockaddr_in address{};
    uv_ip4_addr("127.0.0.1", peers::port_of(argc, argv), &address);
    if (uv_loop_init(&loop) < 0 || uv_tcp_init(&loop, &listener) < 0 ||
        uv_tcp_bind(&listener, reinterpret_cast<const sockaddr*>(&address), 0) < 0 ||
        uv_listen(reinterpret_cast<uv_stream_t*>(&listener), 4096, on_connection) < 0)
        return 1;
    uv_run(&loop, UV_RUN_DEFAULT);
}
