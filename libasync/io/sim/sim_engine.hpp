// The engine of a simulated world: no kernel, no waiting. When nothing can go on, the clock jumps to what comes next;
// when nothing comes, the loop has stalled.
//
// An operation passes through the phases of a real one: it may wait to be taken over, wait for its object, wait with
// its outcome recorded, or wait to be told that it was cancelled. Which of these it meets is a matter of the faults.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <libasync/io/buffer_pool.hpp>
#include <libasync/io/engine.hpp>
#include <libasync/io/sim/sim_calls.hpp>
#include <libasync/io/sim/sim_socket.hpp>
#include <libasync/io/sim/wake_signal.hpp>
#include <libasync/io/sim/world.hpp>

namespace async::inline v0::io {

class sim_engine final : public engine, detail::turn_hook {
public:
    // `patience` is how long, of real time, other threads are given to post something before the loop has stalled.
    sim_engine(std::shared_ptr<sim::world> w, const engine_settings& settings, std::chrono::milliseconds patience);
    ~sim_engine() override;

    sim::world& world() const noexcept { return *world_; }

    // Faults end after `faults_for` of virtual time; what still runs `finish_within` later has stalled.
    void set_limits(std::chrono::nanoseconds faults_for, std::chrono::nanoseconds finish_within) noexcept;
    // While there are such, other threads are at work for the loop: the clock does not jump.
    void add_outside_work(int count) noexcept { outside_work_ += count; }
    // Time moves on by hand alone: nothing jumps beyond `limit`.
    void hold_clock_at(time_point limit) noexcept { clock_limit_ = limit; }
    time_point clock_limit() const noexcept { return clock_limit_; }

    const char* name() const noexcept override { return "sim"; }
    time_point clock() const noexcept override { return world_->now(); }
    system_calls& calls() noexcept override { return *calls_; }
    detail::turn_hook* hook() noexcept override { return this; }
    socket_ptr adopt(native_handle handle, socket_role role) override;
    bool start(operation& op) noexcept override;
    void cancel(operation& op) noexcept override;
    bool is_ready(const wait_op& op) const noexcept override;
    void cancel_and_wait(operation& op) noexcept override;
    native_handle give_away(socket& s) noexcept override;
    bool is_sending(const socket& s) const noexcept override;
    void release(socket& s) noexcept override;
    void shut_down() noexcept override;
    void visit(time_point deadline) noexcept override;
    void forget_stall() noexcept override;
    native_handle wait_handle() override;
    engine_statistics statistics() const noexcept override { return statistics_; }

    // The socket of `s` can read, or write: its operation goes on.
    void proceed(sim_socket& s, sim_direction& d) noexcept;

private:
    struct abandon_pool {
        void operator()(hot_pool* pool) const noexcept { pool->abandon(); }
    };
    // Work of a thread pool: told no earlier than `due`, at which time waits for it.
    struct thread_work {
        operation* op;
        time_point due;
        bool submitted;
        bool finished;
    };
    // The work of one pool, in the order in which it came: first that which the pool has threads for, and so was
    // submitted. A null pool is the engine's own.
    struct pool_work {
        thread_pool* pool;
        std::vector<thread_work> work;
    };
    template <class Look>
    void each_submitted(Look look) const {
        for (const pool_work& p : pools_) {
            for (auto w = p.work.begin(); w != p.work.end() && w->submitted; ++w) look(*w);
        }
    }

    void wake() noexcept override;
    std::unique_ptr<name_source> make_name_source() override;
    void before_steps(detail::ready_list& steps) noexcept override;

    bool done_at_once(operation& op) noexcept;
    bool start_on_socket(operation& op) noexcept;
    void wait_for_object(operation& op, sim_direction& d) noexcept;
    void set_timer(operation& op, std::chrono::nanoseconds delay, unique_function<void()> action) noexcept;
    void forget_timer(operation& op) noexcept;
    void tell(operation& op) noexcept;
    void tell_later(operation& op) noexcept;
    void end_cancelled(operation& op) noexcept;
    void scribble(operation& op, unsigned char pattern) noexcept;
    void give_back(operation& op) noexcept;
    void close(sim_socket& s) noexcept;

    // True if the call has ended the operation, false if it has to wait.
    bool attempt(operation& op, sim_socket& s) noexcept;
    bool attempt_receive(operation& op, sim_socket& s, void* data, std::size_t size) noexcept;
    bool attempt_receive_chunk(receive_chunk_op& op, sim_socket& s) noexcept;
    bool attempt_send(send_op& op, sim_socket& s) noexcept;
    bool attempt_accept(accept_op& op, sim_socket& s) noexcept;
    bool attempt_connect(connect_op& op, sim_socket& s) noexcept;
    void shut_down_writing(shut_down_op& op) noexcept;
    static void pause(pause_op& op) noexcept;

    // Of handles that are not the engine's.
    friend class foreign_wait;
    bool start_foreign_wait(wait_op& op) noexcept;
    void end_foreign_wait(const wait_op& op) noexcept;

    bool start_on_file(operation& op) noexcept;
    void cancel_on_file(operation& op) noexcept;
    void abandon_on_file(operation& op) noexcept;
    void execute(operation& op, sim::open_file* file) noexcept;
    void execute_open(open_file_op& op) noexcept;
    void execute_read(transfer_op& op, sim::open_file& file) noexcept;
    void execute_write(transfer_op& op, sim::open_file& file) noexcept;

    bool start_work(operation& op) noexcept;
    void submit_work() noexcept;
    thread_work* find_work(const detail::ready_node* node) noexcept;
    void forget_work(const operation& op) noexcept;
    bool work_is_late() const noexcept;
    void cancel_work(operation& op) noexcept;
    void abandon_work(operation& op) noexcept;

    enum class patience : bool { bounded, without_end };
    void collect() noexcept;
    void take_finished_work() noexcept;
    void collect_from_threads() noexcept;
    void tell_finished_work(time_point until) noexcept;
    void give_up(const char* reason) noexcept;
    void let_pass(std::chrono::nanoseconds time) noexcept;
    bool move_on(time_point deadline) noexcept;
    bool wait_for_other_threads(patience how_long) noexcept;
    void check_limits() noexcept;
    void reorder(std::vector<detail::ready_node*>& nodes) noexcept;

    const std::shared_ptr<sim::world> world_;
    const std::shared_ptr<sim::sim_calls> calls_;  // files refer to it, and may outlive the engine
    detail::list<sim_socket> sockets_;
    std::map<operation*, sim::event_queue::key> timers_;
    std::vector<pool_work> pools_;  // those with work
    std::vector<std::unique_ptr<foreign_wait>> foreign_waits_;
    std::unique_ptr<hot_pool, abandon_pool> chunks_;
    engine_statistics statistics_;
    time_point faults_end_ = time_point::max();
    time_point must_end_ = time_point::max();
    time_point clock_limit_ = time_point::max();
    std::string stall_text_;
    std::chrono::milliseconds patience_;
    int outside_work_ = 0;
    bool work_waits_for_loop_ = false;  // perhaps
    unsigned busy_turns_ = 0;  // since the clock last jumped

    sim::wake_signal wakes_;
};

std::unique_ptr<engine> make_sim_engine(std::shared_ptr<sim::world> w, const engine_settings& settings,
                                        std::chrono::milliseconds patience);

}  // namespace async::inline v0::io
