// Queues between the tasks of one loop: asyncio.Queue, PriorityQueue and LifoQueue.
//
//   async::queue<job> jobs(100);              // 0: no limit
//   co_await jobs.put(std::move(j));          // waits while 100 are there
//   job next = co_await jobs.get();           // waits while none is
#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include <libasync/detail/ring_buffer.hpp>
#include <libasync/sync/waiter.hpp>

namespace async::inline v0 {

// Thrown by get_nowait.
class LIBASYNC_EXPORT queue_empty : public std::runtime_error {
public:
    queue_empty();
    ~queue_empty() override;
};

// Thrown by put_nowait.
class LIBASYNC_EXPORT queue_full : public std::runtime_error {
public:
    queue_full();
    ~queue_full() override;
};

// Thrown by put after shutdown, and by get once nothing is left.
class LIBASYNC_EXPORT queue_shut_down : public std::runtime_error {
public:
    queue_shut_down();
    ~queue_shut_down() override;
};

namespace detail {

// What is put first is got first.
template <class T>
class fifo_items : public ring_buffer<T> {
public:
    void put(T&& item) noexcept { this->push_back(std::move(item)); }
    T get() noexcept { return this->pop_front(); }
    // What was got, and is not wanted.
    void restore(T&& item) noexcept { this->push_front(std::move(item)); }
};

// What is put last is got first.
template <class T>
class lifo_items : public ring_buffer<T> {
public:
    void put(T&& item) noexcept { this->push_back(std::move(item)); }
    T get() noexcept { return this->pop_back(); }
    void restore(T&& item) noexcept { this->push_back(std::move(item)); }
};

// The smallest is got first: a binary heap, as the standard one costs the compiler much for <libasync/async.hpp>.
template <class T, class Less>
class sorted_items {
    static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T>,
                  "what is handed over must not throw when it is moved");

public:
    bool empty() const noexcept { return heap_.empty(); }
    std::size_t size() const noexcept { return heap_.size(); }
    void reserve(std::size_t count) {
        if (count > heap_.capacity()) heap_.reserve(count > 2 * heap_.capacity() ? count : 2 * heap_.capacity());
    }
    void put(T&& item) {
        heap_.push_back(std::move(item));
        for (std::size_t i = heap_.size() - 1; i != 0 && less_(heap_[i], heap_[(i - 1) / 2]); i = (i - 1) / 2) {
            swap(i, (i - 1) / 2);
        }
    }
    T get() {
        T item(std::move(heap_.front()));
        if (heap_.size() > 1) heap_.front() = std::move(heap_.back());
        heap_.pop_back();
        for (std::size_t i = 0; 2 * i + 1 < heap_.size();) {
            std::size_t child = 2 * i + 1;
            if (child + 1 < heap_.size() && less_(heap_[child + 1], heap_[child])) ++child;
            if (!less_(heap_[child], heap_[i])) break;
            swap(child, i);
            i = child;
        }
        return item;
    }
    void restore(T&& item) { put(std::move(item)); }
    void clear() noexcept { heap_.clear(); }

private:
    void swap(std::size_t a, std::size_t b) noexcept {
        T held(std::move(heap_[a]));
        heap_[a] = std::move(heap_[b]);
        heap_[b] = std::move(held);
    }

    std::vector<T> heap_;
    [[no_unique_address]] Less less_;
};

}  // namespace detail

// First in, first out, unless `Items` keeps another order. Not copyable or movable. Whoever waits when it is destroyed is
// told so by std::logic_error. Those who wait are served in the order in which they came; an item that is put while
// tasks wait belongs to the first of them at once, and goes back to its place if that one is destroyed before it goes on.
template <class T, class Items = detail::fifo_items<T>>
class queue {
    class putter;
    class getter;
    class joiner;
    class [[nodiscard("nothing is put until it is awaited")]] put_description;
    struct get_description;
    struct join_description;

public:
    // Holds at most `maxsize` items; 0: as many as there is memory for.
    explicit queue(std::size_t maxsize = 0) noexcept : maxsize_(maxsize) {}
    queue(const queue&) = delete;
    queue& operator=(const queue&) = delete;

    std::size_t qsize() const noexcept { return items_.size(); }
    std::size_t maxsize() const noexcept { return maxsize_; }
    bool empty() const noexcept { return items_.empty(); }
    bool full() const noexcept { return maxsize_ != 0 && items_.size() >= maxsize_; }

    // Goes on once there was room for the item. Throws queue_shut_down, std::bad_alloc, std::logic_error if tasks of
    // another loop wait. Cancel class: lossless: the item is not put, and is destroyed.
    put_description put(T item) noexcept { return put_description(*this, std::move(item)); }

    // Goes on with the next item once there is one. Throws queue_shut_down once no item is left and none will come,
    // std::bad_alloc, std::logic_error if tasks of another loop wait. Cancel class: lossless.
    get_description get() noexcept { return {this}; }

    // Throws queue_full, queue_shut_down, std::bad_alloc; the item is destroyed then.
    void put_nowait(T item) {
        require_open();
        if (full()) throw queue_full();
        accept(std::move(item));
    }

    // Throws queue_empty, queue_shut_down.
    T get_nowait() {
        if (items_.empty()) {
            require_open();
            throw queue_empty();
        }
        return take();
    }

    // Goes on once task_done was called for every item that was put. Cancel class: lossless.
    join_description join() noexcept { return {this}; }

    // An item that was got is done with. Throws std::logic_error if there were not so many.
    void task_done() {
        if (unfinished_ == 0) throw std::logic_error("queue::task_done: more often than items were put");
        finish(1);
    }

    // Nothing is put any more: those who wait to do so, and to get from an empty queue, get queue_shut_down. With
    // `immediate` the items that are left are dropped, as if they were done with.
    void shutdown(bool immediate = false) noexcept {
        shut_down_ = true;
        if (immediate) {
            dropped_ = true;
            const std::size_t dropped = items_.size();
            items_.clear();
            finish(dropped < unfinished_ ? dropped : unfinished_);
        }
        putters_.refuse_all();
        if (items_.empty()) getters_.refuse_all();
    }

private:
    void require_open() const {
        if (shut_down_) throw queue_shut_down();
    }

    // For one more, beside all that is there and all that was handed over and may come back.
    void make_room() { items_.reserve(items_.size() + handed_over_ + 1); }

    void accept(T&& item) {
        make_room();
        items_.put(std::move(item));
        ++unfinished_;
        serve_getter();
    }

    void serve_getter() {
        if (getters_.empty() || items_.empty()) return;
        auto& first = *static_cast<getter*>(getters_.first());
        first.item_.emplace(items_.get());
        ++handed_over_;
        detail::wait_queue::grant(first);
    }

    // The next item; its place goes to the first who waits for one. An item that came back may have taken that already.
    T take() {
        T item = items_.get();
        if (!putters_.empty() && !full()) {
            auto& first = *static_cast<putter*>(putters_.first());
            items_.put(std::move(first.item_));
            ++unfinished_;
            detail::wait_queue::grant(first);
        }
        return item;
    }

    void give_back(T&& item) noexcept {
        --handed_over_;
        if (dropped_) return finish(1);
        items_.restore(std::move(item));
        serve_getter();
    }

    void finish(std::size_t count) noexcept {
        unfinished_ -= count;
        if (unfinished_ == 0) joiners_.grant_all();
    }

    const std::size_t maxsize_;
    Items items_;
    std::size_t handed_over_ = 0;  // to getters that have not gone on yet
    std::size_t unfinished_ = 0;
    bool shut_down_ = false;
    bool dropped_ = false;  // what was left in it
    detail::wait_queue putters_;
    detail::wait_queue getters_;
    detail::wait_queue joiners_;
};

template <class T, class Items>
class queue<T, Items>::putter : public detail::sync_awaiter<typename queue<T, Items>::putter> {
    using state = detail::sync_waiter::state;

public:
    putter(queue& q, T&& item) noexcept : queue_(&q), item_(std::move(item)) {}

    bool begin() {
        queue_->require_open();
        if (queue_->full()) return false;
        queue_->accept(std::move(item_));
        return true;
    }
    // Room for it is there when its turn comes: a place that becomes free.
    void line_up() { queue_->putters_.add(*this, "queue::put"); }

    void await_resume() {
        const bool refused = this->state_ == state::refused;
        this->settle("queue::put");
        if (refused) throw queue_shut_down();
    }

private:
    friend queue;
    queue* queue_;
    T item_;
};

template <class T, class Items>
class queue<T, Items>::getter : public detail::sync_awaiter<typename queue<T, Items>::getter> {
    using state = detail::sync_waiter::state;

public:
    explicit getter(queue& q) noexcept : queue_(&q) {}
    ~getter() {
        if (this->state_ == state::granted) queue_->give_back(std::move(*item_));
    }

    bool begin() {
        if (queue_->items_.empty()) {
            queue_->require_open();
            return false;
        }
        if (!queue_->putters_.empty()) queue_->make_room();
        item_.emplace(queue_->take());
        ++queue_->handed_over_;
        return true;
    }
    void line_up() { queue_->getters_.add(*this, "queue::get"); }

    T await_resume() {
        const bool refused = this->state_ == state::refused;
        this->settle("queue::get");
        if (refused) throw queue_shut_down();
        --queue_->handed_over_;
        return std::move(*item_);
    }

private:
    friend queue;
    queue* queue_;
    std::optional<T> item_;
};

template <class T, class Items>
class queue<T, Items>::joiner : public detail::sync_awaiter<typename queue<T, Items>::joiner> {
    using state = detail::sync_waiter::state;

public:
    explicit joiner(queue& q) noexcept : queue_(&q) {}

    bool begin() const noexcept { return queue_->unfinished_ == 0; }
    void line_up() { queue_->joiners_.add(*this, "queue::join"); }

    void await_resume() { this->settle("queue::join"); }

private:
    queue* queue_;
};

// A class with a constructor: what g++ 12 does to aggregates in an await would destroy the item twice.
template <class T, class Items>
class queue<T, Items>::put_description {
public:
    using async_native = void;
    put_description(queue& q, T&& item) noexcept : queue_(&q), item_(std::move(item)) {}
    auto operator co_await() noexcept { return putter(*queue_, std::move(item_)); }

private:
    queue* queue_;
    T item_;
};

template <class T, class Items>
struct [[nodiscard("nothing is got until it is awaited")]] queue<T, Items>::get_description {
    using async_native = void;
    queue* from;
    auto operator co_await() const noexcept { return getter(*from); }
};

template <class T, class Items>
struct [[nodiscard("a join waits when it is awaited")]] queue<T, Items>::join_description {
    using async_native = void;
    queue* from;
    auto operator co_await() const noexcept { return joiner(*from); }
};

// Last in, first out.
template <class T>
using lifo_queue = queue<T, detail::lifo_items<T>>;

// The smallest first. Which of two equal ones comes first is not told. The comparison must not throw.
template <class T, class Less = std::less<T>>
using priority_queue = queue<T, detail::sorted_items<T, Less>>;

}  // namespace async::inline v0
