// The machinery of servers, for connections of any kind.
#pragma once

#include <concepts>
#include <memory>
#include <source_location>

#include <libasync/coro/callable.hpp>
#include <libasync/coro/cancel_scope.hpp>
#include <libasync/coro/control_block.hpp>
#include <libasync/detail/owned.hpp>
#include <libasync/net/gate.hpp>
#include <libasync/net/server_options.hpp>
#include <libasync/net/stream_operations.hpp>

namespace async::inline v0 {

namespace detail {

// What a server accepts from.
class server_listener {
public:
    server_listener() = default;
    server_listener(const server_listener&) = delete;
    server_listener& operator=(const server_listener&) = delete;
    virtual ~server_listener() = default;

    virtual task<stream_ptr> accept() = 0;
    virtual task<void> close() = 0;
    // The same without waiting for the descriptor.
    virtual void close_in_background() noexcept = 0;
    virtual connection_info describe(const stream_state& stream) const noexcept = 0;
};

using server_handler = unique_function<task<void>(stream_ptr, const connection_info&)>;

// Makes a task for a connection; with its addresses, if it asks for them.
template <class F, class Stream>
concept connection_handler =
    requires(std::decay_t<F>& f, Stream s, connection_info i) {
        { detail::invoke(f, std::move(s), i) } -> std::same_as<task<void>>;
    } || requires(std::decay_t<F>& f, Stream s) {
        { detail::invoke(f, std::move(s)) } -> std::same_as<task<void>>;
    };

template <class Stream, class F>
server_handler adapt_handler(F&& handler) {
    return [kept = std::decay_t<F>(std::forward<F>(handler))](stream_ptr s, const connection_info& info) mutable {
        auto stream = stream_access::make<Stream>(std::move(s));
        if constexpr (std::is_invocable_v<std::decay_t<F>&, Stream, connection_info>) {
            return detail::invoke(kept, std::move(stream), info);
        } else {
            return detail::invoke(kept, std::move(stream));
        }
    };
}

// Shared by the server, its `serve` and its clients: each of them may be the last.
class server_core {
public:
    // Throws std::invalid_argument for options that make no sense, std::bad_alloc.
    server_core(owned<server_listener> listener, server_handler handler, const server_options& options,
                std::source_location created);
    server_core(const server_core&) = delete;
    server_core& operator=(const server_core&) = delete;
    ~server_core();

    static task<void> serve(std::shared_ptr<server_core> self);
    static task<void> wait_stopped(std::shared_ptr<server_core> self);
    static task<void> wait_closed(std::shared_ptr<server_core> self);

    void close() noexcept;
    void close_clients() noexcept;
    void abort_clients() noexcept;

    bool is_closed() const noexcept { return closed_; }
    std::size_t connections() const noexcept { return connections_; }
    std::uint64_t accepted() const noexcept { return accepted_; }
    std::uint64_t refused() const noexcept { return refused_; }

private:
    class client;
    class service;
    class drained;
    struct drain;

    task<void> accept_all(std::shared_ptr<server_core> self);
    void start(const std::shared_ptr<server_core>& self, stream_ptr stream) noexcept;
    static task<void> serve_client(client c);
    task<bool> greet(stream_state& stream, connection_info& info);
    void report(const connection_info& info, const std::exception_ptr& failure) noexcept;
    void note_listener_closed() noexcept;
    void client_gone() noexcept;
    void note_if_ended() noexcept;

    const owned<server_listener> listener_;
    server_handler handler_;
    const server_options options_;
    const std::source_location created_;
    loop_core& core_;
    list<client> clients_;
    std::size_t connections_ = 0;
    std::uint64_t accepted_ = 0;
    std::uint64_t refused_ = 0;
    time_point next_complaint_{};
    service* service_ = nullptr;  // while it serves
    gate room_{core_};            // for one more client
    gate stopped_{core_};         // accepting
    gate ended_{core_};
    bool listening_ = true;
    bool closed_ = false;
};

}  // namespace detail

}  // namespace async::inline v0
