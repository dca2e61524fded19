// System calls that have no operation of the engine: they are tried, and when they would have to wait, the socket is
// waited for.
#pragma once

#include <libasync/net/socket_state.hpp>

namespace async::inline v0::detail {

// One call. It stays in the frame of the coroutine that makes it.
struct socket_call {
    // Errno values; `io::would_block` ones mean that it is to be tried again.
    using function = int (*)(socket_call&, io::socket&) noexcept;

    socket_call(function f, io::readiness r) noexcept : run(f), what(r) {}

    function run;
    io::readiness what;
    bool done = false;
};

// "recv_from 127.0.0.1:8080", by its local address.
std::string describe_socket(const char* operation, const io::socket* s);

// Makes the call; if it is over, `op` is done.
void try_call(io::wait_op& op, io::socket* s, socket_call& call) noexcept;

// Makes the call, or waits until it is worth making; the call says which. In a cancelled scope it does neither.
//
//   while (!call.done) co_await attempt(state, call, "recv_from");
template <class State>
struct attempt : io_description<attempt<State>> {
    using operation = io::wait_op;
    using value_type = void;

    attempt(const state_ref<State>& s, socket_call& c, const char* n) noexcept : state(s.get()), call(&c), name(n) {}

    void retain() const noexcept {
        if (state) state->retain();
    }
    void release() const noexcept {
        if (state) state->release();
    }
    io::socket* socket() const noexcept { return state ? state->socket.get() : nullptr; }

    operation make() const noexcept { return {socket(), call->what}; }
    void check(operation& op) const noexcept { try_call(op, socket(), *call); }
    void finish(operation&) const noexcept {}
    std::string what() const { return describe_socket(name, socket()); }

    State* state;
    socket_call* call;
    const char* name;
};

}  // namespace async::inline v0::detail
