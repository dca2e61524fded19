// What the operations of a TLS session hold while they are under way.
#pragma once

#include <utility>

#include <libasync/net/tls/session.hpp>

namespace async::inline v0::detail {

// The one reader, or the one writer.
class tls_session::turn {
public:
    turn(tls_session& s, bool& taken, const char* operation) : session_(s), taken_(taken) {
        if (session_.phase_ != phase::open) session_.fail_closed(operation);
        if (taken_) throw std::system_error(make_error_code(errc::busy), session_.describe(operation));
        taken_ = true;
    }
    // For `close`, when nobody has it.
    turn(tls_session& s, bool& taken) noexcept : session_(s), taken_(taken) { taken_ = true; }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn() {
        taken_ = false;
        session_.changed_.all();
    }

private:
    tls_session& session_;
    bool& taken_;
};

// Lives as long as the task that sends, also if that never runs.
class tls_session::sender_guard {
public:
    explicit sender_guard(ptr s) noexcept : session_(std::move(s)) { session_->sending_now_ = true; }
    sender_guard(sender_guard&& other) noexcept = default;
    sender_guard& operator=(sender_guard&&) = delete;
    ~sender_guard() {
        if (!session_) return;
        session_->sending_now_ = false;
        session_->changed_.all();
    }

private:
    ptr session_;
};

// A close that is destroyed half way takes the transport with it.
class tls_session::close_guard {
public:
    explicit close_guard(tls_session& s) noexcept : session_(s) {}
    close_guard(const close_guard&) = delete;
    close_guard& operator=(const close_guard&) = delete;
    ~close_guard() {
        if (!done_) session_.drop();
    }
    void done() noexcept { done_ = true; }

private:
    tls_session& session_;
    bool done_ = false;
};

}  // namespace async::inline v0::detail
