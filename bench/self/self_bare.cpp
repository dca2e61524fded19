// The bare loops, as rivals of the self-echo: they are the limit.
#include "limit/bare_loop.h"
#include "self_echo.hpp"

#include <cerrno>
#include <system_error>

namespace self_echo {
namespace {

class bare_server final : public server {
public:
    bare_server(const bare_kind& kind, const bare_options& options) : kind_(kind), loop_(kind.open(&options)) {
        if (loop_ == nullptr) throw std::system_error(errno, std::generic_category(), kind.name);
    }
    ~bare_server() override { kind_.close(loop_); }

    std::uint16_t port() const override { return kind_.port(loop_); }
    std::uint64_t echoed() const override { return kind_.echoed(loop_); }
    void serve_until(std::uint64_t total) override {
        while (kind_.echoed(loop_) < total) kind_.turn(loop_);
    }

private:
    const bare_kind& kind_;
    void* loop_;
};

std::unique_ptr<server> uring(const echo_case& shape, bare_recv recv, bare_send send) {
    auto options = bare_defaults();
    options.recv = recv;
    options.send = send;
    if (shape.size > options.buffer_size) {  // one buffer takes one message, the ring as a whole stays hot
        options.buffers = 64;
        options.buffer_size = 16 * 1024;
    }
    return std::make_unique<bare_server>(bare_uring, options);
}

}  // namespace

void add_bare(rivals& list) {
    list.push_back({"epoll", role::limit,
                    [](const echo_case&) { return std::make_unique<bare_server>(bare_epoll, bare_defaults()); }});
    list.push_back({"uring, ring send", role::limit,
                    [](const echo_case& shape) { return uring(shape, BARE_RECV_MULTISHOT, BARE_SEND_RING); }});
    list.push_back({"uring, direct send", role::limit,
                    [](const echo_case& shape) { return uring(shape, BARE_RECV_MULTISHOT, BARE_SEND_DIRECT); }});
    list.push_back({"uring, poll", role::limit,
                    [](const echo_case& shape) { return uring(shape, BARE_RECV_POLL, BARE_SEND_DIRECT); }});
}

}  // namespace self_echo
