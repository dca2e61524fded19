// A TLS connection with its transport: what a tls_stream and its pending operations share.
//
// Whoever reads reads the transport. Who writes only encrypts, and sends what a socket takes without waiting: all else
// that is to be sent, by whomever, is sent by a task of the session's own, one at a time, as long as there is something. So
// a read that has to answer does not wait for a write, and an operation that is cancelled leaves no record half sent.
#pragma once

#include <chrono>
#include <exception>

#include <libasync/coro/cancel_scope.hpp>
#include <libasync/net/any_stream.hpp>
#include <libasync/net/tls/engine.hpp>
#include <libasync/net/tls_stream.hpp>
#include <libasync/net/wake_up.hpp>

namespace async::inline v0::detail {

class tls_session final : public readable {
public:
    using ptr = tls_session_ptr;

    tls_session(any_stream transport, std::shared_ptr<tls_context_state> context, const tls_options& options);
    tls_session(const tls_session&) = delete;
    tls_session& operator=(const tls_session&) = delete;

    static task<void> handshake(ptr self);
    task<chunk> fetch() override { return read(share()); }
    static task<std::size_t> read_some(ptr self, std::span<std::byte> into);
    static task<void> write(ptr self, write_list list);
    static task<void> shutdown_write(ptr self);
    static task<void> close(ptr self);
    // After a handshake that failed. The peer gets the time to read why: an early end of the connection would destroy
    // that if the peer has sent something meanwhile.
    static task<void> give_up(ptr self);
    void renew_keys();

    void abort() noexcept;
    // The stream is gone.
    void drop() noexcept;

    bool is_open() const noexcept override { return phase_ == phase::open; }
    std::uint64_t written() const noexcept { return written_; }
    tls_engine& engine() noexcept { return engine_; }
    std::string describe(const char* operation) const override;

private:
    enum class phase : std::uint8_t { open, closing, closed };
    class turn;
    class sender_guard;
    class close_guard;
    class progress;
    class cursor;

    ptr share() noexcept {
        retain();
        return ptr(this);
    }

    // Reading.
    static task<chunk> read(ptr self);
    task<bool> wait_readable();
    task<void> receive();
    task<void> answer_first();
    [[noreturn]] void fail_truncated() const;
    [[noreturn]] void fail() const;

    // Writing.
    void check_writable(const char* operation) const;
    void encrypt(cursor& from);
    bool has_unsent() noexcept { return !sending_.empty() || !engine_.output().empty(); }
    void send_at_once() noexcept;
    void start_sender();
    void try_start_sender() noexcept;
    static task<void> send_all(ptr self, sender_guard guard);
    task<void> sent();
    void note_send_failure(const std::exception_ptr& failure, bool nothing_sent) noexcept;
    [[noreturn]] void fail_closed(const char* operation) const;

    // Closing.
    void begin_close() noexcept;
    static task<void> send_rest(ptr self);
    static task<void> hear_end(ptr self);
    static task<void> close_transport(ptr self);
    void set_closed() noexcept;

    const std::shared_ptr<tls_context_state> context_;
    const std::string name_;
    const std::chrono::milliseconds shutdown_timeout_;
    const bool ignore_truncation_;
    any_stream transport_;
    tls_engine engine_;
    cipher_buffer sending_;  // what the transport is given
    wake_up changed_;
    cancel_scope* receiving_ = nullptr;  // in which the transport is read
    std::exception_ptr send_failure_;
    std::uint64_t written_ = 0;
    std::size_t in_one_go_ = 0;  // bytes encrypted since a writer let others run
    phase phase_ = phase::open;
    bool reading_ = false;
    bool writing_ = false;
    bool sending_now_ = false;
    bool sender_starved_ = false;  // it had no memory; what it had to send is still there
    bool write_ended_ = false;
    bool broken_ = false;
    bool transport_ended_ = false;  // no more input
};

}  // namespace async::inline v0::detail
