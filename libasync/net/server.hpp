// What servers of every kind have in common: they accept connections and give each to a handler, a task of its own. Of
// one kind is tcp_server, which shows how they are used.
//
// The end of a server, in this order:
//   1. close() stops accepting. The handlers go on: that is the drain, as long as server_options::drain_timeout.
//   2. Those that are left then are cancelled; their streams close as they end.
//   3. After server_options::abort_timeout more, the connections of those that still have not ended are reset: what is
//      pending on them ends with errc::closed.
// `serve` returns when the last handler has ended. A handler that neither a cancellation nor the loss of its connection
// can end keeps it waiting. If `serve` is cancelled itself, the end begins with step 2.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include <libasync/coro/task.hpp>
#include <libasync/net/server_core.hpp>

namespace async::inline v0 {

// Move-only. Belongs to the loop it was made on. A server that is destroyed is closed; its `serve` and its handlers go
// on to their end as described, so they may outlive it.
class basic_server {
public:
    basic_server(basic_server&&) noexcept = default;
    basic_server& operator=(basic_server&& other) noexcept;
    basic_server(const basic_server&) = delete;
    basic_server& operator=(const basic_server&) = delete;
    ~basic_server() { close(); }

    // Accepts connections until the server is closed, and then drains it; returns at once if it is closed already. Who
    // connects before it is called waits in the backlog. The handlers are children of this call, as in a task group: a
    // cancellation reaches them, and it ends after them. It runs once: when it was cancelled, the server is closed. If accepting fails for good, the server is closed and drained, and the error thrown.
    //
    // What a handler throws goes to the loop's exception handler, with the address of the peer, and ends that connection
    // only; so does std::bad_alloc when a connection cannot be served for lack of memory. A handler that is cancelled
    // ends in silence.
    //
    // Throws std::logic_error if it runs already, or on another loop; std::bad_alloc.
    // Cancel class: poisoning: the server is closed then, and its handlers have ended.
    task<void> serve() { return detail::server_core::serve(require("serve")); }

    // Stops accepting; may be repeated. Connections that nobody has accepted are reset, also those that come in the moment
    // until the listener is gone: wait_stopped waits for that.
    void close() noexcept {
        if (core_) core_->close();
    }

    bool is_closed() const noexcept { return !core_ || core_->is_closed(); }

    // Waits until nobody is let in any more: the server is closed, and its port is free for another one. Handlers may go
    // on. Cancel class: lossless.
    task<void> wait_stopped() { return detail::server_core::wait_stopped(require("wait_stopped")); }

    // Waits until that is so, and no handler runs. Cancel class: lossless.
    task<void> wait_closed() { return detail::server_core::wait_closed(require("wait_closed")); }

    // Cancels the handlers that run now; new connections are still accepted, unless the server is closed.
    void close_clients() noexcept {
        if (core_) core_->close_clients();
    }

    // The same, and resets their connections at once: what is pending on them ends with errc::closed.
    void abort_clients() noexcept {
        if (core_) core_->abort_clients();
    }

    // How many connections are being served, and how many have been accepted so far.
    std::size_t connections() const noexcept { return core_ ? core_->connections() : 0; }
    std::uint64_t accepted() const noexcept { return core_ ? core_->accepted() : 0; }

    // How many of those were turned away since they had no valid PROXY header; the log says why, once a second at most.
    std::uint64_t refused() const noexcept { return core_ ? core_->refused() : 0; }

protected:
    explicit basic_server(std::shared_ptr<detail::server_core> core) noexcept : core_(std::move(core)) {}

    // Throws std::system_error (errc::closed) if the server was moved from.
    const std::shared_ptr<detail::server_core>& require(const char* operation) const;

private:
    std::shared_ptr<detail::server_core> core_;
};

}  // namespace async::inline v0
