#include <libasync/net/tls/session.hpp>

#include <array>

#include <libasync/coro/timeout.hpp>
#include <libasync/coro/checkpoint.hpp>
#include <libasync/net/tls/session_turn.hpp>

namespace async::inline v0::detail {

namespace {

constexpr std::size_t most_in_a_chunk = 64 << 10;

}  // namespace

tls_session_ptr::tls_session_ptr(const tls_session_ptr& other) noexcept : session_(other.session_) {
    if (session_) session_->retain();
}

tls_session_ptr::~tls_session_ptr() {
    if (session_) session_->release();
}

tls_session::tls_session(any_stream transport, std::shared_ptr<tls_context_state> context, const tls_options& options)
    : context_(std::move(context)),
      name_(options.server_name),
      shutdown_timeout_(options.shutdown_timeout),
      ignore_truncation_(options.ignore_truncation),
      transport_(std::move(transport)),
      engine_(*context_, context_->role() == tls_role::client ? name_ : std::string(), alpn_as_sent(options.alpn)) {
    engine_.feed(chunk::copy_of(options.already_read));
}

std::string tls_session::describe(const char* operation) const {
    std::string text = operation;
    if (!name_.empty()) text.append(" ").append(name_);
    return text;
}

void tls_session::fail_closed(const char* operation) const {
    throw std::system_error(make_error_code(errc::closed), describe(operation));
}

void tls_session::fail() const {
    throw tls_error(engine_.failure_code(), describe("TLS with") + ": " + engine_.failure());
}

void tls_session::fail_truncated() const {
    throw tls_error(tls_errc::truncated, describe("TLS with") + ": the connection ended without the end of TLS");
}

task<void> tls_session::handshake(ptr self) {
    co_await checkpoint();
    turn reader(*self, self->reading_, "TLS handshake with");
    // OpenSSL takes some 40 KiB for a handshake: not for a client that says nothing.
    if (self->context_->role() == tls_role::server && !self->engine_.has_input()) co_await self->receive();
    for (;;) {
        const tls_step step = self->engine_.handshake();
        self->send_at_once();
        try {
            co_await self->sent();
        } catch (const std::system_error&) {
            if (step != tls_step::failed) throw;  // else it is the alert that cannot be sent
        }
        switch (step) {
            case tls_step::done: co_return;
            case tls_step::needs_room: break;  // there is some now
            case tls_step::needs_input:
                if (self->transport_ended_) self->fail_truncated();
                co_await self->receive();
                break;
            case tls_step::ended: self->fail_truncated();
            case tls_step::failed: self->fail();
        }
    }
}

// Reads the transport once. Only `close` breaks it off.
task<void> tls_session::receive() {
    struct registration {
        registration(tls_session& s, cancel_scope& scope) noexcept : session(s) { session.receiving_ = &scope; }
        registration(const registration&) = delete;
        registration& operator=(const registration&) = delete;
        ~registration() { session.receiving_ = nullptr; }
        tls_session& session;
    };
    cancel_scope scope;
    const registration registered(*this, scope);
    auto got = co_await scope.run(transport_.read());
    if (!got) co_return;
    if (got->empty()) {
        transport_ended_ = true;
    } else {
        engine_.feed(std::move(*got));
    }
}

// OpenSSL has something to send before it reads on.
task<void> tls_session::answer_first() {
    while (phase_ == phase::open && !engine_.output().empty()) {
        if (send_failure_) std::rethrow_exception(send_failure_);
        if (std::exchange(sender_starved_, false)) throw std::bad_alloc();
        start_sender();
        co_await changed_.wait();
    }
}

// False at the end.
task<bool> tls_session::wait_readable() {
    for (;;) {
        if (phase_ != phase::open) fail_closed("read from");
        const tls_step step = engine_.look();
        try_start_sender();
        switch (step) {
            case tls_step::done: co_return true;
            case tls_step::ended: co_return false;
            case tls_step::needs_room: co_await answer_first(); break;
            case tls_step::failed: fail();
            case tls_step::needs_input:
                if (transport_ended_ && ignore_truncation_) co_return false;
                if (transport_ended_) fail_truncated();
                co_await receive();
                break;
        }
    }
}

namespace {

// All that can be had now; a failure behind it is told next time.
std::size_t read_what_is_there(tls_engine& engine, std::span<std::byte> into) {
    std::size_t used = 0;
    while (used < into.size()) {
        std::size_t count = 0;
        tls_step step = tls_step::failed;
        try {
            step = engine.read(into.subspan(used), count);
        } catch (const std::bad_alloc&) {
            if (used == 0) throw;
        }
        if (step != tls_step::done) break;
        used += count;
    }
    return used;
}

}  // namespace

task<chunk> tls_session::read(ptr self) {
    co_await checkpoint();
    turn reader(*self, self->reading_, "read from");
    const bool there = co_await self->wait_readable();
    if (!there) co_return chunk();
    const std::size_t room = std::min(most_in_a_chunk, self->engine_.readable_at_most());
    std::unique_ptr<std::byte[]> memory(new std::byte[room]);
    const std::size_t size = read_what_is_there(self->engine_, {memory.get(), room});
    self->try_start_sender();
    co_return chunk(io::heap_chunks(), memory.release(), static_cast<std::uint32_t>(size), 0);
}

task<std::size_t> tls_session::read_some(ptr self, std::span<std::byte> into) {
    co_await checkpoint();
    if (self->ahead) co_return co_await read_some_plainly(readable_ref(self.get()), into);
    turn reader(*self, self->reading_, "read_some from");
    if (into.empty()) co_return 0;
    self->ended = !co_await self->wait_readable();
    if (self->ended) co_return 0;
    const std::size_t size = read_what_is_there(self->engine_, into);
    self->try_start_sender();
    co_return size;
}

void tls_session::abort() noexcept {
    if (phase_ == phase::closed) return;
    transport_.abort();
    set_closed();
}

void tls_session::drop() noexcept {
    if (phase_ == phase::closed) return;
    transport_ = any_stream();
    set_closed();
}

void tls_session::set_closed() noexcept {
    phase_ = phase::closed;
    changed_.all();
}

// What is pending ends, and the end is queued.
void tls_session::begin_close() noexcept {
    phase_ = phase::closing;
    engine_.send_end();
    if (receiving_) receiving_->cancel();
    changed_.all();
}

task<void> tls_session::send_rest(ptr self) {
    while (self->has_unsent() && !self->send_failure_ && self->phase_ == phase::closing) {
        self->start_sender();
        co_await self->changed_.wait();
        if (self->sender_starved_) co_return;
    }
}

// Drops what arrives until the peer's end.
task<void> tls_session::hear_end(ptr self) {
    while (self->reading_) co_await self->changed_.wait();
    turn reader(*self, self->reading_);
    std::array<std::byte, 4096> dropped;
    while (self->phase_ == phase::closing) {
        std::size_t count = 0;
        const tls_step step = self->engine_.read(dropped, count);
        if (step == tls_step::done) continue;
        if (step != tls_step::needs_input || self->transport_ended_) co_return;
        co_await self->receive();
    }
}

task<void> tls_session::close(ptr self) {
    while (self->phase_ == phase::closing) co_await self->changed_.wait();
    if (self->phase_ == phase::closed) co_return;
    self->begin_close();
    close_guard guard(*self);
    try {
        const time_point deadline = this_loop().deadline_after(self->shutdown_timeout_);
        cancel_scope rest(deadline, shielding::shielded);
        static_cast<void>(co_await rest.run(send_rest(self)));
        if (!self->has_unsent()) static_cast<void>(co_await move_on_at(deadline, hear_end(self)));
    } catch (...) {
        // The peer is gone, or nobody wants to wait for it.
    }
    co_await close_transport(self);
    guard.done();
}

task<void> tls_session::give_up(ptr self) {
    const auto linger = [](ptr session) -> task<void> {
        co_await session->transport_.shutdown_write();
        while (!session->transport_ended_) co_await session->receive();
    };
    try {
        if (self->engine_.failed()) {
            static_cast<void>(co_await move_on_after(self->shutdown_timeout_, linger(self)));
        }
    } catch (const std::system_error&) {
        // The peer is gone.
    }
    co_await close_transport(self);
}

task<void> tls_session::close_transport(ptr self) {
    try {
        co_await self->transport_.close();
    } catch (const std::system_error&) {
        self->transport_.abort();
    }
    self->set_closed();
}

}  // namespace async::inline v0::detail
