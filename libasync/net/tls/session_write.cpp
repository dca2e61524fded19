// The writing side of a TLS session.
#include <algorithm>
#include <array>
#include <cstring>

#include <libasync/coro/task_handle.hpp>
#include <libasync/coro/checkpoint.hpp>
#include <libasync/net/tls/session_turn.hpp>

namespace async::inline v0::detail {

namespace {

constexpr std::size_t record = 16 << 10;        // plain text, at most (RFC 8446, 5.1)
constexpr std::size_t record_overhead = 1024;   // more than a record adds, with a key update before it

// Where small buffers are joined. Nothing is awaited while it is in use.
thread_local std::array<std::byte, record> joining;

}  // namespace

// How far a write has come in its buffers.
class tls_session::cursor {
public:
    explicit cursor(const write_list& list) noexcept : next_(list.begin()), end_(list.end()) { skip_empty(); }

    bool at_end() const noexcept { return next_ == end_; }

    // The bytes of the next record: where they are if that is one piece, else joined.
    const_bytes piece() const noexcept {
        const std::size_t here = next_->size() - offset_;
        if (here >= record || next_ + 1 == end_) return {bytes(), std::min(here, record)};
        std::size_t used = 0;
        std::size_t offset = offset_;
        for (const const_bytes* b = next_; b != end_ && used < record; ++b, offset = 0) {
            const std::size_t count = std::min(b->size() - offset, record - used);
            if (count == 0) continue;
            std::memcpy(joining.data() + used, static_cast<const std::byte*>(b->data()) + offset, count);
            used += count;
        }
        return {joining.data(), used};
    }

    void advance(std::size_t count) noexcept {
        while (count > 0) {
            const std::size_t here = std::min(count, next_->size() - offset_);
            offset_ += here;
            count -= here;
            if (offset_ == next_->size()) {
                ++next_;
                skip_empty();
            }
        }
    }

private:
    const std::byte* bytes() const noexcept { return static_cast<const std::byte*>(next_->data()) + offset_; }

    void skip_empty() noexcept {
        offset_ = 0;
        while (next_ != end_ && next_->size() == 0) ++next_;
    }

    const const_bytes* next_;
    const const_bytes* end_;
    std::size_t offset_ = 0;
};

// A write that ends with a part encrypted, and a part not, is the last one.
class tls_session::progress {
public:
    progress(tls_session& s, const cursor& c) noexcept : session_(s), cursor_(c), begin_(s.written_) {}
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;
    ~progress() {
        if (session_.written_ != begin_ && !cursor_.at_end()) session_.broken_ = true;
    }

private:
    tls_session& session_;
    const cursor& cursor_;
    const std::uint64_t begin_;
};

void tls_session::check_writable(const char* operation) const {
    if (phase_ != phase::open) fail_closed(operation);
    if (broken_) throw std::system_error(make_error_code(errc::broken), describe(operation));
    if (write_ended_) throw std::system_error(std::make_error_code(std::errc::broken_pipe), describe(operation));
    if (send_failure_) std::rethrow_exception(send_failure_);
    if (engine_.failed()) fail();
}

// A batch, or what is left.
void tls_session::encrypt(cursor& from) {
    std::size_t encrypted = 0;
    while (!from.at_end() && encrypted < cipher_buffer::batch) {
        const const_bytes piece = from.piece();
        if (engine_.output().room() < piece.size() + record_overhead) return;
        engine_.output().reserve(engine_.output().size() + piece.size() + record_overhead);
        std::size_t count = 0;
        const tls_step step = engine_.write(piece.data(), piece.size(), count);
        if (step == tls_step::failed) fail();
        if (step == tls_step::needs_room) return;
        if (step != tls_step::done) throw tls_error(tls_errc::protocol, describe("write to") + ": not possible now");
        from.advance(count);
        encrypted += count;
        written_ += count;
        in_one_go_ += count;
    }
}

task<void> tls_session::write(ptr self, write_list list) {
    if (self->in_one_go_ >= cipher_buffer::batch) {
        self->in_one_go_ = 0;
        co_await end_long_step();
    } else {
        co_await checkpoint();
    }
    turn writer(*self, self->writing_, "write to");
    self->check_writable("write to");
    cursor rest(list);
    if (rest.at_end()) co_return;
    progress poisons(*self, rest);
    if (self->has_unsent()) co_await self->sent();
    while (!rest.at_end()) {
        self->encrypt(rest);
        self->send_at_once();
        try {
            if (self->has_unsent()) co_await self->sent();
        } catch (const cancelled&) {
            if (!rest.at_end()) throw;  // else it is done: what is encrypted will be sent
        }
        if (rest.at_end()) co_return;
        self->in_one_go_ = 0;
        co_await end_long_step();
        self->check_writable("write to");
    }
}

task<void> tls_session::shutdown_write(ptr self) {
    co_await checkpoint();
    turn writer(*self, self->writing_, "shutdown_write of");
    if (self->phase_ != phase::open) self->fail_closed("shutdown_write of");
    if (self->send_failure_) std::rethrow_exception(self->send_failure_);
    co_await self->sent();
    self->engine_.output().reserve(record_overhead);
    self->write_ended_ = true;
    self->engine_.send_end();
    try {
        co_await self->sent();
    } catch (const cancelled&) {
        // It is done: what is encrypted will be sent.
    }
}

// Until the transport has taken all there is. For what is refused once the stream is closed.
task<void> tls_session::sent() {
    while (has_unsent()) {
        if (phase_ != phase::open) fail_closed("write to");
        if (send_failure_) std::rethrow_exception(send_failure_);
        if (std::exchange(sender_starved_, false)) throw std::bad_alloc();
        start_sender();
        co_await changed_.wait();
    }
}

// The short way, while nothing is on its way already: no task. To send nothing would take from the socket an error that
// the next read is to tell.
void tls_session::send_at_once() noexcept {
    stream_state* const socket = stream_access::writing_state(transport_);
    if (socket == nullptr || sending_now_ || !sending_.empty() || engine_.output().empty()) return;
    try {
        const auto bytes = engine_.output().bytes();
        engine_.output().drop_front(socket->send_at_once({bytes.data(), bytes.size()}));
    } catch (...) {
        note_send_failure(std::current_exception(), true);
    }
}

void tls_session::start_sender() {
    if (sending_now_ || send_failure_ || !has_unsent()) return;
    const ptr self = share();
    sender_starved_ = false;
    create_task(send_all(self, sender_guard(self)), "TLS sender");
}

void tls_session::try_start_sender() noexcept {
    try {
        start_sender();
    } catch (const std::bad_alloc&) {
        // What there is to send waits for the next occasion.
    }
}

// Where nothing was sent it may be tried again.
void tls_session::note_send_failure(const std::exception_ptr& failure, bool nothing_sent) noexcept {
    try {
        std::rethrow_exception(failure);
    } catch (const std::system_error&) {
        send_failure_ = failure;
    } catch (const std::bad_alloc&) {
        sender_starved_ = nothing_sent;
        if (!nothing_sent) send_failure_ = failure;
    } catch (const cancelled&) {  // the loop ends
        send_failure_ = std::make_exception_ptr(std::system_error(make_error_code(errc::broken), "TLS"));
    } catch (...) {
        send_failure_ = failure;
    }
}

void tls_session::renew_keys() {
    check_writable("renew_keys of");
    engine_.ask_for_new_keys();
    start_sender();
}

task<void> tls_session::send_all(ptr self, [[maybe_unused]] sender_guard guard) {
    while (self->has_unsent() && self->phase_ != phase::closed) {
        if (self->sending_.empty()) self->sending_.swap(self->engine_.output());
        const std::uint64_t before = self->transport_.written();
        std::exception_ptr failure;
        try {
            co_await self->transport_.write(self->sending_.bytes());
        } catch (...) {
            failure = std::current_exception();
        }
        if (failure) {
            self->note_send_failure(failure, self->transport_.written() == before);
            co_return;
        }
        self->sending_.clear();
        self->changed_.all();
    }
}

}  // namespace async::inline v0::detail
