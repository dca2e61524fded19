#include <libasync/io/sim/sim_engine.hpp>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

#include <libasync/io/memory_guard.hpp>
#include <libasync/io/sim/sim_names.hpp>
#include <libasync/io/thread_pool.hpp>

namespace async::inline v0::io {

namespace {

using namespace std::chrono_literals;
using sim::event_kind;
using sim::fault;

// What a turn costs that finds something ready: a task that waits busily for the clock must see it move.
constexpr auto cost_of_a_turn = 1us;
// Turns without a pause after which a loop is held to run in circles.
constexpr unsigned endless = 20'000'000;

std::uint64_t number(native_handle handle) noexcept { return static_cast<std::uint64_t>(handle); }

}  // namespace

sim_engine::sim_engine(std::shared_ptr<sim::world> w, const engine_settings& settings,
                       std::chrono::milliseconds patience)
    : world_(std::move(w)),
      calls_(std::make_shared<sim::sim_calls>(world_)),
      chunks_(new hot_pool),
      patience_(patience) {
    pool_threads_ = std::max(settings.pool_threads, 1U);
    news_.seen = 1;  // each turn visits the world: there may always be news
}

sim_engine::~sim_engine() { shut_down(); }

void sim_engine::set_limits(std::chrono::nanoseconds faults_for, std::chrono::nanoseconds finish_within) noexcept {
    const auto after = [](time_point t, std::chrono::nanoseconds delay) {
        delay = std::max(delay, std::chrono::nanoseconds::zero());
        return delay > time_point::max() - t ? time_point::max() : t + delay;
    };
    faults_end_ = after(world_->now(), faults_for);
    must_end_ = after(faults_end_, finish_within);
}

socket_ptr sim_engine::adopt(native_handle handle, socket_role role) {
    auto object = world_->descriptors.find(handle);
    auto* const end = dynamic_cast<sim::stream_object*>(object.get());
    if (!object || (end == nullptr && role != socket_role::datagram && role != socket_role::quiet_stream)) throw std::system_error(EBADF, std::generic_category(), "adopt");
    std::unique_ptr<sim_socket> s;
    try {
        s = std::make_unique<sim_socket>(role, std::move(object), end);
    } catch (...) {
        calls_->close_socket(handle);
        throw;
    }
    s->owner = this;
    s->handle = handle;
    s->object->watch(s.get());
    sockets_.push_back(*s);
    return socket_ptr(s.release());
}

void sim_engine::close(sim_socket& s) noexcept {
    if (!s.open()) return;
    const native_handle handle = std::exchange(s.handle, invalid_handle);
    s.object->watch(nullptr);
    for (sim_direction* d : {&s.reading, &s.writing}) {
        if (operation* op = std::exchange(d->waiter, nullptr)) {
            forget_timer(*op);
            op->fail(errc::closed);
            tell(*op);
        }
    }
    world_->events.note(event_kind::call, number(handle));
    calls_->close_socket(handle);
}

native_handle sim_engine::give_away(socket& given) noexcept {
    auto& s = static_cast<sim_socket&>(given);
    s.object->watch(nullptr);
    return std::exchange(s.handle, invalid_handle);
}

bool sim_engine::is_sending(const socket& s) const noexcept {
    return static_cast<const sim_socket&>(s).writing.waiter != nullptr;
}

void sim_engine::release(socket& released) noexcept {
    const detail::unfailing no_failures;
    auto& s = static_cast<sim_socket&>(released);
    close(s);
    s.unlink();
    delete &s;
}

void sim_engine::shut_down() noexcept {
    const detail::unfailing no_failures;
    stop_pool();
    for (sim_socket* s = sockets_.first(); s; s = sockets_.after(s)) close(*s);
    while (!sockets_.empty()) {
        sim_socket* s = sockets_.pop_front();
        s->owner = nullptr;
        s->object.reset();  // it may outlive the world
    }
}

// Time.

void sim_engine::visit(time_point deadline) noexcept {
    const detail::unfailing no_failures;
    ++statistics_.enters;
    if (deadline > world_->now()) work_waits_for_loop_ = false;
    // A clock that is moved by hand stands still.
    if (deadline <= world_->now() && clock_limit_ == time_point::max()) let_pass(cost_of_a_turn);
    if (world_->strikes(fault::clock_jump)) let_pass(world_->delay(1ms, 1h));
    ++busy_turns_;
    world_->run_due();
    collect();
    while (completed.empty() && world_->now() < deadline && !stalled()) {
        if (!move_on(deadline)) break;
        world_->run_due();
        collect();
    }
    check_limits();
    chunks_->collect();
}

void sim_engine::let_pass(std::chrono::nanoseconds time) noexcept {
    if (world_->now() < clock_limit_) world_->set_now(std::min(world_->now() + time, clock_limit_));
}

// Lets time pass to what comes next. False if there is nothing to wait for.
bool sim_engine::move_on(time_point deadline) noexcept {
    if (outside_work_ > 0) return wait_for_other_threads(patience::without_end);
    time_point target = std::min(deadline, world_->next_event());
    each_submitted([&](const thread_work& w) { target = std::min(target, w.due); });
    if (target == time_point::max() || target > clock_limit_) {
        if (wait_for_other_threads(patience::bounded)) return true;
        give_up(target > clock_limit_ && target != time_point::max()
                    ? "every task waits for a time that nobody lets come: see testing::advance"
                    : "every task waits, and nothing that they wait for will come");
        return false;
    }
    bool at_work = false;
    each_submitted([&](const thread_work& w) { at_work = at_work || (!w.finished && w.due == target); });
    if (at_work) {
        // It may be waiting for this thread, which waits for other work that is done.
        if (patience_ != 0ms) tell_finished_work(time_point::max());
        return !completed.empty() || wait_for_other_threads(patience::without_end);
    }
    if (target > world_->now()) {
        world_->set_now(std::min(target, must_end_));
        world_->events.note(event_kind::jump, static_cast<std::uint64_t>(world_->elapsed().count()));
        busy_turns_ = 0;
    }
    return world_->now() < must_end_;
}

void sim_engine::check_limits() noexcept {
    if (world_->now() >= faults_end_ && !world_->faults.stopped()) world_->stop_faults();
    if (world_->now() >= must_end_) give_up("it has not ended in the time that was given after the last fault");
    if (busy_turns_ > endless) give_up("it runs in circles: something is always ready, and nothing ends");
}

void sim_engine::forget_stall() noexcept {
    must_end_ = time_point::max();
    clock_limit_ = time_point::max();
    busy_turns_ = 0;
    engine::forget_stall();
}

void sim_engine::give_up(const char* reason) noexcept {
    stall_text_ = std::string(reason) + " (seed " + std::to_string(world_->seed()) + ")";
    stall(stall_text_.c_str());
}

bool sim_engine::wait_for_other_threads(patience how_long) noexcept {
    bool woken = true;
    if (begin_wait()) {
        if (how_long == patience::without_end) {
            wakes_.wait();
        } else {
            woken = wakes_.wait_for(patience_);
        }
    }
    end_wait();
    return woken;
}

void sim_engine::wake() noexcept { wakes_.raise(); }

std::unique_ptr<name_source> sim_engine::make_name_source() {
    return std::make_unique<sim::sim_names>(world_, completed);
}

native_handle sim_engine::wait_handle() {
    throw std::system_error(std::make_error_code(std::errc::function_not_supported), "wait_handle");
}

// Order.

void sim_engine::before_steps(detail::ready_list& steps) noexcept {
    const detail::unfailing no_failures;
    std::vector<detail::ready_node*> nodes;
    while (!steps.empty()) nodes.push_back(steps.pop_front());
    world_->events.note(event_kind::steps, nodes.size());
    if (world_->steps != sim::order::fifo) reorder(nodes);
    for (detail::ready_node* node : nodes) steps.push_back(*node);
}

// Callbacks stay in the order in which they were given; they take the places that fall to them.
void sim_engine::reorder(std::vector<detail::ready_node*>& nodes) noexcept {
    std::vector<detail::ready_node*> callbacks;
    for (detail::ready_node* node : nodes) {
        if (!node->handle) callbacks.push_back(node);
    }
    if (world_->steps == sim::order::adversarial) {
        std::reverse(nodes.begin(), nodes.end());
    } else {
        for (std::size_t i = nodes.size(); i > 1; --i) std::swap(nodes[i - 1], nodes[world_->orders.below(i)]);
    }
    auto next = callbacks.begin();
    for (detail::ready_node*& node : nodes) {
        if (!node->handle) node = *next++;
    }
}

// The thread pool. What is told when depends on the virtual clock alone, whatever the threads do: the world waits for
// work that is due, and keeps for itself what was finished before.

bool sim_engine::start_work(operation& op) noexcept {
    thread_pool* const pool = other_pool_of(op);
    auto at = std::find_if(pools_.begin(), pools_.end(), [pool](const pool_work& p) { return p.pool == pool; });
    if (at == pools_.end()) at = pools_.insert(at, {pool, {}});
    op.state = op_state::pending;
    at->work.push_back({&op, {}, false, false});
    submit_work();
    return false;
}

void sim_engine::submit_work() noexcept {
    for (pool_work& p : pools_) {
        const std::size_t threads = p.pool ? p.pool->max_threads() : pool_threads_;
        for (std::size_t i = 0; i < std::min(p.work.size(), threads); ++i) {
            thread_work& work = p.work[i];
            if (work.submitted) continue;
            work.submitted = true;
            work.due = world_->now() + world_->delay(10us, world_->steps == sim::order::fifo ? 10us : 1000us);
            // What the pool does not take has failed, and is told so in its time.
            work.finished = start_in_pool(*work.op);
            if (work.finished) work.op->state = op_state::pending;
        }
    }
}

sim_engine::thread_work* sim_engine::find_work(const detail::ready_node* node) noexcept {
    for (pool_work& p : pools_) {
        for (thread_work& w : p.work) {
            if (w.op == node) return &w;
        }
    }
    return nullptr;
}

void sim_engine::forget_work(const operation& op) noexcept {
    for (auto p = pools_.begin(); p != pools_.end(); ++p) {
        const auto is_it = [&op](const thread_work& w) { return w.op == &op; };
        const auto found = std::find_if(p->work.begin(), p->work.end(), is_it);
        if (found == p->work.end()) continue;
        p->work.erase(found);
        if (p->work.empty()) pools_.erase(p);
        return;
    }
}

bool sim_engine::work_is_late() const noexcept {
    bool any = false;
    each_submitted([&](const thread_work& w) { any = any || (!w.finished && w.due <= world_->now()); });
    return any;
}

void sim_engine::collect() noexcept {
    collect_from_threads();
    // Unless it waits for the loop. Where other threads may have to be waited for anyhow, this is done when nothing else is
    // left to do.
    while (patience_ == 0ms && !work_waits_for_loop_ && work_is_late()) {
        wait_for_other_threads(patience::without_end);
        collect_from_threads();
    }
    if (pools_.empty()) return;
    tell_finished_work(world_->now());
    submit_work();
}

// A thread that has posted something else may be waiting for what comes of it, until the loop has nothing left to do.
void sim_engine::collect_from_threads() noexcept {
    collect_posts();
    if (others_have_posted()) work_waits_for_loop_ = true;
    if (!pools_.empty()) take_finished_work();
}

// What threads have finished is not told before its time.
void sim_engine::take_finished_work() noexcept {
    detail::ready_list others;
    while (!completed.empty()) {
        detail::ready_node* node = completed.pop_front();
        thread_work* const mine = find_work(node);
        if (mine == nullptr || !mine->submitted) {
            others.push_back(*node);
        } else {
            memory_guard::let_go(memory_guard::holder::engine, *mine->op);
            mine->finished = true;
        }
    }
    completed.splice_back(others);
}

void sim_engine::tell_finished_work(time_point until) noexcept {
    for (std::size_t p = 0; p < pools_.size();) {
        std::vector<thread_work>& work = pools_[p].work;
        for (std::size_t i = 0; i < work.size() && work[i].submitted;) {
            if (!work[i].finished || work[i].due > until) {
                ++i;
                continue;
            }
            operation& op = *work[i].op;
            work.erase(work.begin() + static_cast<std::ptrdiff_t>(i));
            op.run = nullptr;
            tell(op);
        }
        if (work.empty()) {
            pools_.erase(pools_.begin() + static_cast<std::ptrdiff_t>(p));
        } else {
            ++p;
        }
    }
}

void sim_engine::cancel_work(operation& op) noexcept {
    const thread_work* const mine = find_work(&op);
    if (mine == nullptr || mine->submitted) return;
    forget_work(op);
    op.error = error_cancelled;
    tell(op);
}

void sim_engine::abandon_work(operation& op) noexcept {
    const thread_work* const mine = find_work(&op);
    const bool runs = mine != nullptr && mine->submitted && !mine->finished;
    forget_work(op);
    if (runs) {
        wait_for_pool(op);
    } else if (op.state == op_state::pending) {
        op.run = nullptr;
        op.error = error_cancelled;
        op.state = op_state::done;
    }
    op.unlink_if_linked();
    submit_work();
}

std::unique_ptr<engine> make_sim_engine(std::shared_ptr<sim::world> w, const engine_settings& settings,
                                        std::chrono::milliseconds patience) {
    return std::make_unique<sim_engine>(std::move(w), settings, patience);
}

}  // namespace async::inline v0::io
