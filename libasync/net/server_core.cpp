#include <libasync/net/server_core.hpp>

#include <stdexcept>
#include <string>
#include <system_error>

#include <libasync/loop/log.hpp>
#include <libasync/net/proxy_greeting.hpp>

namespace async::inline v0::detail {

// A connection, in the frame of the task that serves it: it counts as long as that frame lives.
class server_core::client : public list_node {
public:
    client(std::shared_ptr<server_core> s, stream_ptr connection) noexcept
        : server(std::move(s)),
          state(connection.get()),
          stream(std::move(connection)) {
        server->clients_.push_front(*this);
        ++server->connections_;
    }
    client(client&& other) noexcept
        : server(std::move(other.server)),
          state(std::move(other.state)),
          stream(std::move(other.stream)) {
        other.unlink();
        server->clients_.push_front(*this);
    }
    client& operator=(client&&) = delete;
    ~client() {
        if (!server) return;
        stream = {};
        unlink();
        server->client_gone();
    }

    std::shared_ptr<server_core> server;
    stream_ref state;  // to reset the connection with, wherever the stream has gone
    stream_ptr stream;
    control_block* task = nullptr;
};

// What `serve` has while it runs.
class server_core::service : timer_node {
public:
    enum class stage : unsigned char { serving, draining, cancelling, aborting };

    service(server_core& server, task_context& context) noexcept : server_(server) {
        run = &service::time_is_up;
        clients.attach(*context.current_scope, nullptr);
        server_.service_ = this;
    }
    service(const service&) = delete;
    service& operator=(const service&) = delete;

    // Clients that are left, since the frame of `serve` was destroyed, are cancelled, and end by themselves.
    ~service() {
        disarm();
        server_.service_ = nullptr;
        server_.close();
        for (client* c = server_.clients_.first(); c; c = server_.clients_.after(c)) {
            c->task->own_scope.cancel();
            c->task->own_scope.move_to(server_.core_.tasks->root);
        }
    }

    // Goes on to a later stage.
    void begin(stage next) noexcept {
        if (next <= stage_) return;
        stage_ = next;
        disarm();
        if (next == stage::draining) return arm(server_.options_.drain_timeout, stage::cancelling);
        clients.cancel();
        if (next == stage::cancelling) return arm(server_.options_.abort_timeout, stage::aborting);
        server_.abort_clients();
    }

    void client_gone() noexcept {
        if (waiter && server_.connections_ == 0) server_.core_.ready.push_back(*std::exchange(waiter, nullptr));
    }

    scope clients;
    cancel_scope accepting;
    ready_node* waiter = nullptr;

private:
    void arm(std::chrono::nanoseconds delay, stage after) noexcept {
        if (delay == std::chrono::nanoseconds::max() || server_.connections_ == 0) return;
        try {
            server_.core_.timers.set(*this, server_.core_.face->deadline_after(delay));
        } catch (...) {  // no memory: there is no time to wait for
            begin(after);
        }
    }

    void disarm() noexcept {
        server_.core_.timers.cancel(*this);
        unlink_if_linked();
    }

    static bool time_is_up(ready_node* node) noexcept {
        auto& self = *static_cast<service*>(node);
        self.begin(self.stage_ == stage::draining ? stage::cancelling : stage::aborting);
        return false;
    }

    server_core& server_;
    stage stage_ = stage::serving;
};

// Waits until no client is left. Not refused in a cancelled scope: the clients are cancelled too, and end soon.
class server_core::drained : leaf {
public:
    explicit drained(server_core& server) noexcept : leaf(&drained::stop), server_(server) {}
    ~drained() {
        if (server_.service_->waiter == &node_) server_.service_->waiter = nullptr;
        node_.unlink_if_linked();
    }

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        enter_always(h, node_);
        server_.service_->begin(context->cancelled ? service::stage::cancelling : service::stage::draining);
        if (server_.connections_ == 0) return false;
        server_.service_->waiter = &node_;
        wait();
        return true;
    }
    void await_resume() { leave(); }

private:
    static void stop(leaf& l) noexcept { static_cast<drained&>(l).server_.service_->begin(service::stage::cancelling); }

    server_core& server_;
    ready_node node_;
};

struct server_core::drain {
    using async_native = void;
    server_core& server;
    auto operator co_await() const noexcept { return drained(server); }
};

server_core::server_core(owned<server_listener> listener, server_handler handler,
                         const server_options& options, std::source_location created)
    : listener_(std::move(listener)),
      handler_(std::move(handler)),
      options_(options),
      created_(created),
      core_(require_core("a server")) {
    if (options.max_connections == 0) throw std::invalid_argument("a server with room for no connection");
}

server_core::~server_core() = default;

task<void> server_core::serve(std::shared_ptr<server_core> self) {
    task_context& context = co_await own_context{};
    server_core& server = *self;
    if (context.loop != &server.core_) throw std::logic_error("serve: the server belongs to another loop");
    if (server.service_) throw std::logic_error("serve: the server is being served already");
    if (server.closed_) co_return;
    service inside(server, context);
    std::exception_ptr failure;
    try {
        co_await inside.accepting.run(server.accept_all(self));
    } catch (const cancelled&) {
    } catch (...) {
        failure = std::current_exception();
    }
    server.closed_ = true;
    try {
        co_await server.listener_->close();
    } catch (...) {  // no memory to wait with
        server.listener_->close_in_background();
    }
    server.note_listener_closed();
    co_await drain{server};
    if (failure) std::rethrow_exception(failure);
    if (context.cancelled) cancelled_access::raise();
}

namespace {

// Errors of a connection that has gone wrong before anybody could accept it (accept(2)): the next one may do better.
bool concerns_one_connection(std::error_code error) noexcept {
    for (const std::errc e :
         {std::errc::connection_aborted, std::errc::connection_reset, std::errc::protocol_error,
          std::errc::operation_not_permitted, std::errc::network_down, std::errc::network_unreachable,
          std::errc::host_unreachable, std::errc::no_protocol_option, std::errc::interrupted, std::errc::timed_out}) {
        if (error == e) return true;
    }
    return false;
}

}  // namespace

task<void> server_core::accept_all(std::shared_ptr<server_core> self) {
    for (;;) {
        while (connections_ >= options_.max_connections) {
            room_.shut();
            co_await room_.pass();
        }
        stream_ptr stream;
        try {
            stream = co_await listener_->accept();
        } catch (const std::system_error& e) {
            if (!concerns_one_connection(e.code())) throw;
        }
        if (stream) start(self, std::move(stream));
    }
}

void server_core::start(const std::shared_ptr<server_core>& self, stream_ptr stream) noexcept {
    ++accepted_;
    try {
        auto block = spawn(core_, service_->clients, serve_client(client(self, std::move(stream))), {}, created_);
        clients_.first()->task = block.get();
    } catch (...) {
        report({}, std::current_exception());
    }
}

task<void> server_core::serve_client(client c) {
    server_core& server = *c.server;
    connection_info info = server.listener_->describe(*c.state.get());
    try {
        if (server.options_.proxy != proxy_protocol::off) {
            const bool welcome = co_await server.greet(*c.state.get(), info);
            if (!welcome) co_return;
        }
        co_await server.handler_(std::move(c.stream), info);
    } catch (const cancelled&) {
        throw;
    } catch (...) {
        server.report(info, std::current_exception());
    }
}

// A header is not required to be there, so a peer without one is no failure of anybody's: the connection is reset, as the
// protocol demands.
task<bool> server_core::greet(stream_state& stream, connection_info& info) {
    const char* const wrong = co_await read_proxy_header(stream, options_.proxy, options_.proxy_timeout, info);
    if (wrong == nullptr) co_return true;
    abort_stream(stream);
    ++refused_;
    const time_point now = core_.now();
    if (now >= next_complaint_) {
        next_complaint_ = now + std::chrono::seconds(1);
        log(log_level::warning, "no valid PROXY header from " + info.peer.to_string() + ": " + wrong);
    }
    co_return false;
}

void server_core::report(const connection_info& info, const std::exception_ptr& failure) noexcept {
    try {
        std::string message = "the handler of a connection failed";
        if (info.peer != endpoint()) message = "the handler of the connection from " + info.peer.to_string() + " failed";
        core_.face->report({message, {}, created_, failure});
    } catch (...) {  // no memory for the address
        core_.face->report({"the handler of a connection failed", {}, created_, failure});
    }
}

void server_core::close() noexcept {
    closed_ = true;
    if (service_) {
        service_->accepting.cancel();
    } else if (listening_) {
        listener_->close_in_background();
        note_listener_closed();
    }
}

void server_core::note_listener_closed() noexcept {
    listening_ = false;
    stopped_.open();
    note_if_ended();
}

void server_core::client_gone() noexcept {
    --connections_;
    room_.open();
    if (service_) service_->client_gone();
    note_if_ended();
}

void server_core::note_if_ended() noexcept {
    if (!listening_ && connections_ == 0) ended_.open();
}

void server_core::close_clients() noexcept {
    for (client* c = clients_.first(); c; c = clients_.after(c)) c->task->own_scope.cancel();
}

void server_core::abort_clients() noexcept {
    close_clients();
    for (client* c = clients_.first(); c; c = clients_.after(c)) abort_stream(*c->state.get());
}

task<void> server_core::wait_stopped(std::shared_ptr<server_core> self) { co_await self->stopped_.pass(); }

task<void> server_core::wait_closed(std::shared_ptr<server_core> self) { co_await self->ended_.pass(); }

}  // namespace async::inline v0::detail
