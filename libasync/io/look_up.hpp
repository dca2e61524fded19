// Look-ups of names, as one loop has them: those under way, which all who ask the same share, and the last answers.
//
// Somebody else does the work: a name_source, which the engine brings. In the real engines it is a few threads of the
// process; in a simulated world, the world.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <utility>

#include <libasync/detail/exchange.hpp>
#include <libasync/detail/ready_node.hpp>
#include <libasync/io/name_query.hpp>

namespace async::inline v0 {

using time_point = std::chrono::steady_clock::time_point;

namespace io {

class engine;

// Counted: by the book, by those who wait, and by the thread that works on it. When the answer has come the node is
// posted to the engine; `run` is called on the loop then.
class look_up : public detail::ready_node {
public:
    using told_function = bool (*)(detail::ready_node*) noexcept;

    look_up(name_query q, told_function told) : query(std::move(q)) { run = told; }

    void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    void release() noexcept {
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }

    const name_query query;
    name_answer answer;          // whoever works on it writes it, before it posts the node
    detail::ready_list waiters;  // nodes of tasks
    bool told = false;           // the answer is there
    time_point told_at{};

    // The threads' own, under their lock.
    enum class stage : unsigned char { idle, queued, running, posted };
    stage at = stage::idle;
    engine* home = nullptr;  // null once nobody is to be told

private:
    ~look_up() = default;

    std::atomic<unsigned> references_{0};
};

class look_up_ptr {
public:
    look_up_ptr() = default;
    explicit look_up_ptr(look_up* l) noexcept : look_up_(l) {
        if (look_up_) look_up_->retain();
    }
    look_up_ptr(const look_up_ptr& other) noexcept : look_up_ptr(other.look_up_) {}
    look_up_ptr(look_up_ptr&& other) noexcept : look_up_(detail::exchange(other.look_up_, nullptr)) {}
    look_up_ptr& operator=(look_up_ptr other) noexcept {
        std::swap(look_up_, other.look_up_);
        return *this;
    }
    ~look_up_ptr() {
        if (look_up_) look_up_->release();
    }

    look_up* get() const noexcept { return look_up_; }
    look_up* operator->() const noexcept { return look_up_; }
    look_up& operator*() const noexcept { return *look_up_; }

private:
    look_up* look_up_ = nullptr;
};

class name_source {
public:
    name_source() = default;
    name_source(const name_source&) = delete;
    name_source& operator=(const name_source&) = delete;
    virtual ~name_source() = default;

    // Begins to look up. When the answer is there the node is posted to the engine, or appended to what it has
    // completed. Throws std::system_error, resource_unavailable_try_again, if there is too much to do.
    virtual void start(look_up& l) = 0;
    // Nobody waits for it any more. True if it had not begun: it is not done then, and not told.
    virtual bool withdraw(look_up& l) noexcept = 0;
    // The engine goes: it is not told any more. When all that were not told are forgotten, the source is destroyed.
    virtual void forget(look_up& l) noexcept = 0;
};

class name_book {
public:
    // Finished look-ups that are kept at most.
    static constexpr std::size_t most_answers = 1024;
    // A name that does not exist is believed not to for so long at most.
    static constexpr std::chrono::seconds most_age_of_failures{2};

    explicit name_book(std::unique_ptr<name_source> source) noexcept : source_(std::move(source)) {}
    name_book(const name_book&) = delete;
    name_book& operator=(const name_book&) = delete;
    ~name_book();

    // The look-up of `query` that is under way, or has been answered in the last `most_age`; or else begins one.
    // Throws std::bad_alloc and what name_source::start throws.
    look_up_ptr find(const name_query& query, time_point now, std::chrono::nanoseconds most_age,
                     look_up::told_function told);

    // Its answer is there: it is remembered, unless there are too many.
    void answered(look_up& l, time_point now) noexcept;

    // The last of those who waited has left.
    void nobody_waits(look_up& l) noexcept;

    // Forgets all answers. What is under way goes on.
    void forget_answers() noexcept;

    // Nothing is told any more.
    void end() noexcept;

    std::size_t size() const noexcept { return entries_.size(); }

private:
    void make_room() noexcept;
    void drop(const look_up& l) noexcept;

    std::unique_ptr<name_source> source_;
    std::map<name_query, look_up_ptr> entries_;
};

}  // namespace io

}  // namespace async::inline v0
