#include <libasync/io/engine.hpp>

#include <thread>
#include <utility>

#include <libasync/io/fault_knobs.hpp>
#include <libasync/io/file_calls.hpp>
#include <libasync/io/look_up_threads.hpp>
#include <libasync/io/memory_guard.hpp>
#include <libasync/io/system_calls.hpp>
#include <libasync/io/thread_pool.hpp>

namespace async::inline v0::io {

namespace {

// Stands in `incoming_` once the loop has closed.
detail::list_node closed_marker;

}  // namespace

const unsigned engine::news_probe::zero = 0;

engine::engine() = default;
engine::~engine() = default;

system_calls& engine::calls() noexcept { return native_calls(); }

name_book& engine::names() {
    if (!names_) names_.reset(new name_book(make_name_source()));
    return *names_;
}

std::unique_ptr<name_source> engine::make_name_source() { return make_threaded_name_source(*this); }

// The handle of a socket that its loop has left behind is invalid, whatever is asked about it.
system_calls& calls_of(const socket& s) noexcept { return s.owner ? s.owner->calls() : native_calls(); }

bool engine::post(detail::ready_node& node) noexcept {
    if (detail::this_thread_identity() != owner_) others_posted_.store(true, std::memory_order_relaxed);
    return push(node);
}

bool engine::push(detail::ready_node& node) noexcept {
    detail::list_node* head = incoming_.load(std::memory_order_relaxed);
    do {
        if (head == &closed_marker) {
            node.next = nullptr;
            return false;
        }
        node.next = head;
    } while (!incoming_.compare_exchange_weak(head, &node, std::memory_order_seq_cst, std::memory_order_relaxed));
    if (waiting_.load(std::memory_order_seq_cst) && waiting_.exchange(false, std::memory_order_seq_cst)) wake();
    return true;
}

namespace {

// Turns the last-in-first-out chain round and appends it.
void append_reversed(detail::list_node* chain, detail::ready_list& to) noexcept {
    detail::list_node* in_order = nullptr;
    while (chain) {
        detail::list_node* next = chain->next;
        chain->next = in_order;
        in_order = chain;
        chain = next;
    }
    while (in_order) {
        detail::list_node* next = in_order->next;
        in_order->next = nullptr;
        to.push_back(*static_cast<detail::ready_node*>(in_order));
        in_order = next;
    }
}

}  // namespace

[[gnu::hot]] bool engine::begin_wait() noexcept {
    waiting_.store(true, std::memory_order_seq_cst);
    detail::list_node* head = incoming_.load(std::memory_order_seq_cst);
    return head == nullptr || head == &closed_marker;
}

void engine::collect_posts() noexcept {
    detail::list_node* head = incoming_.load(std::memory_order_relaxed);
    if (head == nullptr || head == &closed_marker) return;
    posts_came_ = true;
    append_reversed(incoming_.exchange(nullptr, std::memory_order_acquire), completed);
}

namespace {

void relax_processor() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

}  // namespace

void engine::linger() noexcept {
    constexpr int looks = 64;
    if (!std::exchange(posts_came_, false)) return;
    for (int i = 0; i < looks && !has_news(); ++i) relax_processor();
}

void engine::close_posts() noexcept {
    detail::list_node* head = incoming_.exchange(&closed_marker, std::memory_order_acq_rel);
    if (head != &closed_marker) append_reversed(head, completed);
}

bool engine::start_in_pool(operation& op) noexcept {
    if (faults::strikes(op)) {
        op.state = op_state::done;
        return true;
    }
    op.state = op_state::pending;
    memory_guard::hold(memory_guard::holder::engine, op);
    if (other_pool_of(op)) {
        static_cast<work_op&>(op).home = this;
        in_other_pools_.fetch_add(1, std::memory_order_relaxed);
    }
    try {
        if (!other_pool_of(op) && !pool_) pool_.reset(new thread_pool(*this, pool_threads_));
        if (pool_of(op).submit(op)) return false;
        op.fail(errc::closed);
    } catch (const std::system_error& e) {
        op.error = e.code().value();
    } catch (...) {
        op.error = static_cast<int>(std::errc::not_enough_memory);
    }
    taken_out_of_pool(op);
    if (op.kind == op_kind::close_file) execute_blocking(op);  // must not be left open
    op.state = op_state::done;
    return true;
}

thread_pool& engine::pool_of(const operation& op) const noexcept {
    thread_pool* const other = other_pool_of(op);
    return other ? *other : *pool_;
}

// Without having run there.
void engine::taken_out_of_pool(operation& op) noexcept {
    memory_guard::let_go(memory_guard::holder::engine, op);
    if (other_pool_of(op)) in_other_pools_.fetch_sub(1, std::memory_order_relaxed);
}

void engine::stop_pool() noexcept {
    if (names_) names_->end();
    pool_.reset();
    // No operation is left there: threads of other pools may be about to return from telling the last ones.
    while (in_other_pools_.load(std::memory_order_acquire) != 0) std::this_thread::yield();
}

void engine::cancel_in_pool(operation& op) noexcept {
    // A file that is being closed is closed: its owner has given the handle away.
    if (op.kind == op_kind::close_file || !pool_of(op).remove(op)) return;
    taken_out_of_pool(op);
    op.error = error_cancelled;
    complete(op);
}

void engine::wait_for_pool(operation& op) noexcept {
    if (op.state == op_state::pending) {
        if (!pool_of(op).remove(op)) {
            pool_of(op).wait_until_finished(op);
            collect_posts();
            memory_guard::let_go(memory_guard::holder::engine, op);
        } else {
            taken_out_of_pool(op);
            if (op.kind == op_kind::close_file) {
                execute_blocking(op);
            } else {
                op.error = error_cancelled;
            }
        }
        op.run = nullptr;
        op.state = op_state::done;
    }
    op.unlink_if_linked();
}

void socket_release::operator()(socket* s) const noexcept {
    if (s->owner) {
        s->owner->release(*s);
    } else {
        delete s;
    }
}

}  // namespace async::inline v0::io
