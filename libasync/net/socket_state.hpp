// What a socket and the operations that are pending on it have in common, and how they keep it.
#pragma once

#include <string>
#include <utility>

#include <libasync/coro/io_awaiter.hpp>
#include <libasync/coro/task.hpp>
#include <libasync/detail/exchange.hpp>

namespace async::inline v0::detail {

// Counted: an operation may end after its socket is gone.
struct socket_state {
    explicit socket_state(io::socket_ptr s) noexcept : socket(std::move(s)) {}

    void retain() noexcept { ++references; }
    void release() noexcept {
        if (--references == 0) delete this;
    }

    io::socket_ptr socket;
    unsigned references = 1;
};

// Owns the socket of a state, and with it closes it; the counted state lives on while operations refer to it.
template <class State>
class state_owner {
public:
    state_owner() = default;
    explicit state_owner(State* s) noexcept : state_(s) {}
    state_owner(state_owner&& other) noexcept : state_(detail::exchange(other.state_, nullptr)) {}
    state_owner& operator=(state_owner&& other) noexcept {
        if (this != &other) {
            reset();
            state_ = detail::exchange(other.state_, nullptr);
        }
        return *this;
    }
    ~state_owner() { reset(); }

    State* get() const noexcept { return state_; }
    State* operator->() const noexcept { return state_; }
    explicit operator bool() const noexcept { return state_ != nullptr; }

private:
    void reset() noexcept {
        if (State* s = detail::exchange(state_, nullptr)) {
            s->socket.reset();
            s->release();
        }
    }

    State* state_ = nullptr;
};

// Keeps the state, but not the socket open.
template <class State>
class state_ref {
public:
    explicit state_ref(State* s) noexcept : state_(s) {
        if (state_) state_->retain();
    }
    state_ref(state_ref&& other) noexcept : state_(detail::exchange(other.state_, nullptr)) {}
    state_ref& operator=(state_ref&&) = delete;
    ~state_ref() {
        if (state_) state_->release();
    }

    State* get() const noexcept { return state_; }
    // Null once it is closed.
    io::socket* socket() const noexcept { return state_ ? state_->socket.get() : nullptr; }

private:
    State* state_;
};

}  // namespace async::inline v0::detail
