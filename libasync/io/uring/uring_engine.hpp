// The engine on io_uring: one ring, entered at most once a visit. Completions are only recorded.
#pragma once

#include <cstdint>

#include <libasync/io/engine.hpp>
#include <libasync/io/uring/ring.hpp>
#include <libasync/io/uring/uring_socket.hpp>

namespace async::inline v0::io::uring {

// Owns a pool whose chunks may outlive the engine.
template <class Pool>
class pool_ptr {
public:
    explicit pool_ptr(Pool* pool = nullptr) noexcept : pool_(pool) {}
    pool_ptr(const pool_ptr&) = delete;
    pool_ptr& operator=(const pool_ptr&) = delete;
    ~pool_ptr() { abandon(); }

    Pool* operator->() const noexcept { return pool_; }
    explicit operator bool() const noexcept { return pool_ != nullptr; }
    void abandon() noexcept {
        if (pool_) std::exchange(pool_, nullptr)->abandon();
    }

private:
    Pool* pool_;
};

class event_descriptor {
public:
    event_descriptor();  // throws refusal
    event_descriptor(const event_descriptor&) = delete;
    event_descriptor& operator=(const event_descriptor&) = delete;
    ~event_descriptor();
    int get() const noexcept { return fd_; }
    void signal() noexcept;  // from any thread and from signal handlers
    void clear() noexcept;

private:
    int fd_;
};

class uring_engine : public engine {
public:
    // Throws refusal or std::bad_alloc.
    explicit uring_engine(const engine_settings& settings);
    ~uring_engine() override;

    const char* name() const noexcept override { return "uring"; }
    socket_ptr adopt(native_handle handle, socket_role role) override;
    bool start(operation& op) noexcept override;
    void cancel(operation& op) noexcept override;
    bool is_ready(const wait_op& op) const noexcept override;
    void cancel_and_wait(operation& op) noexcept override;
    native_handle give_away(socket& s) noexcept override;
    bool is_sending(const socket& s) const noexcept override;
    bool holds_read_ahead(const socket& s) const noexcept override;
    void release(socket& s) noexcept override;
    void shut_down() noexcept override;
    void visit(time_point deadline) noexcept override;
    native_handle wait_handle() override;
    engine_statistics statistics() const noexcept override;

    // The stream has finished closing, or lost a chunk that was lent to it: deletes it if that was the last.
    void delete_if_idle(uring_socket& s) noexcept;

private:
    // What a completion belongs to: the low bits of its user data; the others are a pointer.
    enum class tag : std::uint64_t { operation, receive, poll, accept, wake, tick };
    static constexpr std::uint64_t tag_mask = 7;
    // Set in what belongs to a request that cancels another.
    static constexpr std::uint64_t cancel_bit = std::uint64_t{1} << 63;

    static std::uint64_t user_data(const operation& op) noexcept {
        return reinterpret_cast<std::uintptr_t>(&op) | static_cast<std::uint64_t>(tag::operation);
    }
    static std::uint64_t user_data(tag t, const uring_socket& s) noexcept {
        return reinterpret_cast<std::uintptr_t>(&s) | static_cast<std::uint64_t>(t);
    }
    static constexpr std::uint64_t wake_data = static_cast<std::uint64_t>(tag::wake);
    static constexpr std::uint64_t tick_data = static_cast<std::uint64_t>(tag::tick);
    static tag tag_of(std::uint64_t data) noexcept { return static_cast<tag>(data & tag_mask); }
    static operation* operation_of(std::uint64_t data) noexcept {
        return reinterpret_cast<operation*>(static_cast<std::uintptr_t>(data & ~tag_mask));
    }
    static uring_socket& socket_of(std::uint64_t data) noexcept {
        return *reinterpret_cast<uring_socket*>(static_cast<std::uintptr_t>(data & ~tag_mask));
    }

    // Where an operation is that has become, or is to become, a request of its own.
    enum phase : std::uint8_t { none, unsubmitted, submitted, cancelling };

    void wake() noexcept override;

    // uring_engine.cpp: outcomes
    bool start_now(operation& op) noexcept;
    bool refuse(operation& op, errc why) noexcept;
    bool done_in_place(operation& op) noexcept;
    void finish(operation& op, int error) noexcept;
    void finish_closed(operation& op) noexcept;

    // uring_engine.cpp: the kernel
    void enter_until(time_point deadline) noexcept;
    void drain() noexcept;
    void dispatch(const completion& c) noexcept;
    void on_operation(operation& op, int result) noexcept;
    void arm_wake() noexcept;
    void on_wake(const completion& c) noexcept;

    // requests.cpp
    io_uring_sqe* next_entry(std::uint64_t data) noexcept;
    io_uring_sqe* arm(uring_socket& s, standing_request& request, tag t) noexcept;
    void stop(uring_socket& s, standing_request& request, tag t) noexcept;
    void submit(operation& op) noexcept;
    void prepare(operation& op, io_uring_sqe& sqe) noexcept;
    bool send_cancel(std::uint64_t target) noexcept;
    void cancel_request_of(operation& op) noexcept;
    void stop_own(standing_request& request, std::uint64_t data) noexcept;
    void on_cancel_own(standing_request& request, std::uint64_t data, bool missed) noexcept;
    void on_cancel(std::uint64_t target, int result) noexcept;
    void cancel_again(const operation* target) noexcept;
    standing_request& request_of(uring_socket& s, tag t) noexcept;
    void detach(operation& op) noexcept;
    void wait_for_kernel(operation& op) noexcept;
    void starve() noexcept;
    void starve(uring_socket& s) noexcept;
    void serve_starved() noexcept;
    void serve_starved(uring_socket& s) noexcept;
    void count_queued() noexcept { queued_ = ring_.queued() + (starving_ ? 1u : 0u); }

    // receive.cpp
    bool start_receive(operation& op, uring_stream& s) noexcept;
    void give_queued(uring_stream& s, operation& op) noexcept;
    void copy_queued(uring_stream& s, receive_op& op) noexcept;
    void drop_queued(uring_stream& s) noexcept;
    static void tell_of_unread(uring_stream& s) noexcept;
    void await_data(uring_stream& s) noexcept;
    void arm_receive(uring_stream& s) noexcept;
    void on_receive(uring_stream& s, const completion& c) noexcept;
    void on_receive_end(uring_stream& s, int result) noexcept;
    void enqueue(uring_stream& s, std::uint32_t index) noexcept;
    void note_size(uring_stream& s, std::uint32_t size) noexcept;
    void out_of_buffers(uring_stream& s) noexcept;

    // poll_mode.cpp
    bool reads_after_poll(const uring_stream& s, const operation& op) const noexcept;
    bool read_now(uring_stream& s, operation& op) noexcept;
    void take_chunk(uring_stream& s, receive_chunk_op& op, std::size_t size) noexcept;
    void arm_poll(uring_stream& s) noexcept;
    void on_poll(uring_stream& s, const completion& c) noexcept;
    void schedule_read(uring_stream& s) noexcept;
    static bool run_read(detail::ready_node* node) noexcept;

    // doubts.cpp
    void doubt(uring_stream& s) noexcept;
    void arm_tick() noexcept;
    void on_tick() noexcept;
    void look_again(uring_stream& s) noexcept;

    // send.cpp
    bool start_send(send_op& op) noexcept;
    bool start_connect(connect_op& op) noexcept;
    bool start_shut_down(shut_down_op& op) noexcept;
    void prepare_send(send_op& op, io_uring_sqe& sqe) noexcept;
    void prepare_connect(connect_op& op, io_uring_sqe& sqe) noexcept;
    void on_send(send_op& op, int result) noexcept;
    void on_connect(connect_op& op, int result) noexcept;
    int write_to_pipe(send_op& op) noexcept;

    // wait.cpp
    bool start_wait(wait_op& op) noexcept;
    bool start_pause(pause_op& op) noexcept;
    void prepare_wait(wait_op& op, io_uring_sqe& sqe) noexcept;
    void on_wait(wait_op& op, int result) noexcept;

    // accept.cpp
    bool start_accept(accept_op& op) noexcept;
    void arm_accept(uring_listener& l) noexcept;
    void on_accept(uring_listener& l, const completion& c) noexcept;
    void on_accept_end(uring_listener& l, int result) noexcept;
    void on_connection(uring_listener& l, int descriptor) noexcept;
    socket_ptr take_accepted(uring_listener& l) noexcept;

    // close.cpp
    bool start_close(close_op& op) noexcept;
    void begin_close(uring_socket& s) noexcept;
    void close_if_idle(uring_socket& s) noexcept;
    void request_done(uring_socket& s) noexcept;

    // files.cpp
    bool start_file(operation& op) noexcept;
    bool runs_in_pool(op_kind kind) const noexcept;
    void prepare_file(operation& op, io_uring_sqe& sqe) noexcept;
    void on_file(operation& op, int result) noexcept;

    const features features_;
    ring ring_;
    event_descriptor wake_event_;
    standing_request wake_poll_;
    standing_request tick_;
    pool_ptr<provided_buffers> buffers_;  // null: streams read in poll mode
    pool_ptr<hot_pool> hot_;
    detail::list<uring_socket> sockets_;
    detail::list<doubt_link> doubted_;
    bool late_looks_ = false;  // some of them were left to the next tick
    detail::list<operation> unsubmitted_;  // found the submission queue full
    detail::list<operation> uncancelled_;  // in the kernel, and the request to cancel them found it full
    detail::list<operation> cancelling_;   // in the kernel, which is told to cancel them
    std::uint64_t in_flight_ = 0;          // requests that the kernel has not finished
    unsigned crowd_ = 0;                   // completions of the visit that is, or was last, drained
    std::uint64_t buffers_exhausted_ = 0;
    std::uint64_t vain_reads_ = 0;
    bool starving_ = false;
    bool shutting_down_ = false;
    static constexpr unsigned few_completions = 8;
    bool crowded() const noexcept { return crowd_ > few_completions; }

    std::unique_ptr<event_descriptor> watch_event_;    // readable when there is work, once someone asked for it
    std::atomic<event_descriptor*> watched_{nullptr};  // the same, for other threads
};

}  // namespace async::inline v0::io::uring
