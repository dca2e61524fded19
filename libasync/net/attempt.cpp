#include <libasync/net/attempt.hpp>

#include <libasync/io/native_socket.hpp>
#include <libasync/io/system_calls.hpp>

namespace async::inline v0::detail {

void try_call(io::wait_op& op, io::socket* s, socket_call& call) noexcept {
    if (s == nullptr) return op.fail_early(errc::closed);
    const int error = call.run(call, *s);
    if (io::would_block(error)) return;
    call.done = true;
    op.error = error;
    op.state = io::op_state::done;
}

std::string describe_socket(const char* operation, const io::socket* s) {
    std::string text = operation;
    if (s == nullptr) return text + ": the socket is closed";
    endpoint inet;
    unix_endpoint local;
    io::system_calls& calls = io::calls_of(*s);
    if (calls.local_endpoint(s->handle, inet) == 0) return text + " on " + inet.to_string();
    if (calls.local_name(s->handle, local) == 0) return text + " on " + local.to_string();
    return text;
}

}  // namespace async::inline v0::detail
