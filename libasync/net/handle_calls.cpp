#include <libasync/net/handle_calls.hpp>

#include <libasync/io/native_socket.hpp>

namespace async::inline v0::detail {

int send_handles_call::make(socket_call& call, io::socket& s) noexcept {
    auto& self = static_cast<send_handles_call&>(call);
    const io::handle_transfer sent = io::calls_of(s).send_handles(s.handle, self.bytes, self.handles);
    self.sent = sent.bytes;
    return sent.error;
}

receive_handles_call::receive_handles_call(std::span<std::byte> i, std::size_t most)
    : socket_call(&make, io::readiness::readable),
      into(i) {
    received.handles_.assign(most, invalid_handle);
    received.system_ = &require_core("receive_handles").engine->calls();
}

int receive_handles_call::make(socket_call& call, io::socket& s) noexcept {
    auto& self = static_cast<receive_handles_call&>(call);
    received_handles& received = self.received;
    const io::handle_transfer got = io::calls_of(s).receive_handles(s.handle, self.into, received.handles_);
    if (io::would_block(got.error)) return got.error;
    received.bytes_ = got.bytes;
    received.truncated_ = got.truncated;
    received.handles_.resize(got.handles);
    return got.error;
}

}  // namespace async::inline v0::detail
