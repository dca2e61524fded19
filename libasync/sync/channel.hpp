// Passing values from tasks to tasks of one loop, through ends that close: Go's channels, trio's memory channels.
//
//   auto [sender, receiver] = async::channel<std::string>(10);
//   group.start(produce(std::move(sender)));          // the channel ends when the last sender goes
//   while (auto line = co_await receiver.receive())   // nothing once it has ended
//       use(*line);
#pragma once

#include <cstddef>
#include <optional>
#include <system_error>
#include <utility>

#include <libasync/coro/control_block.hpp>
#include <libasync/detail/exchange.hpp>
#include <libasync/detail/ring_buffer.hpp>
#include <libasync/error.hpp>
#include <libasync/sync/waiter.hpp>

namespace async::inline v0 {

namespace detail {

// What the ends of one channel share. Counted by the ends and by the operations that are under way.
template <class T>
class channel_state {
public:
    class send_awaiter;
    class receive_awaiter;

    explicit channel_state(std::size_t capacity) noexcept : capacity_(capacity) {}
    channel_state(const channel_state&) = delete;
    channel_state& operator=(const channel_state&) = delete;

    void retain() noexcept { ++references_; }
    void release() noexcept {
        if (--references_ == 0) delete this;
    }

    void add_sender() noexcept { ++open_senders_; }
    void add_receiver() noexcept { ++open_receivers_; }

    void close_sender() noexcept {
        if (--open_senders_ == 0) receivers_.refuse_all();
    }
    void close_receiver() noexcept {
        if (--open_receivers_ != 0) return;
        senders_.refuse_all();
        items_.clear();
    }

    bool has_receivers() const noexcept { return open_receivers_ != 0; }
    bool has_room() const noexcept { return !receivers_.empty() || items_.size() < capacity_; }
    bool has_item() const noexcept { return !items_.empty() || !senders_.empty(); }
    bool ended() const noexcept { return open_senders_ == 0 && !has_item(); }
    std::size_t size() const noexcept { return items_.size(); }

    // There must be room.
    void put(T&& item) {
        make_room();
        pass_on(std::move(item));
    }

    // There must be an item. Its place goes to the first who waits for one; an item that came back may have taken that
    // already.
    T take() {
        make_room();
        if (items_.empty()) return take_from_sender();
        T item = items_.pop_front();
        if (!senders_.empty() && items_.size() < capacity_) items_.push_back(take_from_sender());
        return item;
    }

private:
    // For one more, beside all that is there and all that was handed over and may come back.
    void make_room() { items_.reserve(items_.size() + handed_over_ + 1); }

    void pass_on(T&& item) noexcept;
    T take_from_sender() noexcept;

    void give_back(T&& item) noexcept {
        --handed_over_;
        if (!has_receivers()) return;
        if (receivers_.empty()) return items_.push_front(std::move(item));
        pass_on(std::move(item));
    }

    const std::size_t capacity_;
    ring_buffer<T> items_;
    wait_queue senders_;
    wait_queue receivers_;
    std::size_t handed_over_ = 0;  // to receivers that have not gone on yet
    std::size_t open_senders_ = 0;
    std::size_t open_receivers_ = 0;
    std::size_t references_ = 0;
};

template <class T>
using channel_ptr = block_ptr<channel_state<T>>;

[[noreturn]] inline void refuse_channel(errc why, const char* operation) {
    throw std::system_error(make_error_code(why), operation);
}

template <class T>
class channel_state<T>::send_awaiter : public sync_awaiter<typename channel_state<T>::send_awaiter> {
    using state = sync_waiter::state;

public:
    send_awaiter(channel_ptr<T>&& c, T&& item) noexcept : channel_(std::move(c)), item_(std::move(item)) {}

    bool begin() {
        if (!channel_) refuse_channel(errc::closed, "channel::send");
        if (!channel_->has_receivers()) refuse_channel(errc::broken, "channel::send");
        if (!channel_->has_room()) return false;
        channel_->put(std::move(item_));
        return true;
    }
    void line_up() { channel_->senders_.add(*this, "channel::send"); }

    void await_resume() {
        const bool refused = this->state_ == state::refused;
        this->settle("channel::send");
        if (refused) refuse_channel(errc::broken, "channel::send");
    }

private:
    friend channel_state;
    channel_ptr<T> channel_;
    T item_;
};

template <class T>
class channel_state<T>::receive_awaiter : public sync_awaiter<typename channel_state<T>::receive_awaiter> {
    using state = sync_waiter::state;

public:
    explicit receive_awaiter(channel_ptr<T>&& c) noexcept : channel_(std::move(c)) {}
    ~receive_awaiter() {
        if (this->state_ == state::granted && item_) channel_->give_back(std::move(*item_));
    }

    bool begin() {
        if (!channel_) refuse_channel(errc::closed, "channel::receive");
        if (channel_->has_item()) {
            item_.emplace(channel_->take());
            ++channel_->handed_over_;
            return true;
        }
        return channel_->ended();
    }
    void line_up() { channel_->receivers_.add(*this, "channel::receive"); }

    std::optional<T> await_resume() {
        this->settle("channel::receive");
        if (item_) --channel_->handed_over_;
        return std::move(item_);
    }

private:
    friend channel_state;
    channel_ptr<T> channel_;
    std::optional<T> item_;
};

template <class T>
void channel_state<T>::pass_on(T&& item) noexcept {
    if (receivers_.empty()) return items_.push_back(std::move(item));
    auto& first = *static_cast<receive_awaiter*>(receivers_.first());
    first.item_.emplace(std::move(item));
    ++handed_over_;
    wait_queue::grant(first);
}

template <class T>
T channel_state<T>::take_from_sender() noexcept {
    auto& first = *static_cast<send_awaiter*>(senders_.first());
    wait_queue::grant(first);
    return std::move(first.item_);
}

// A class with a constructor: what g++ 12 does to aggregates in an await would destroy the item twice.
template <class T>
class [[nodiscard("nothing is sent until it is awaited")]] channel_send_description {
public:
    using async_native = void;
    channel_send_description(channel_ptr<T> c, T&& item) noexcept : channel_(std::move(c)), item_(std::move(item)) {}
    auto operator co_await() noexcept {
        return typename channel_state<T>::send_awaiter(std::move(channel_), std::move(item_));
    }

private:
    channel_ptr<T> channel_;
    T item_;
};

template <class T>
class [[nodiscard("nothing is received until it is awaited")]] channel_receive_description {
public:
    using async_native = void;
    explicit channel_receive_description(channel_ptr<T> c) noexcept : channel_(std::move(c)) {}
    auto operator co_await() noexcept { return typename channel_state<T>::receive_awaiter(std::move(channel_)); }

private:
    channel_ptr<T> channel_;
};

}  // namespace detail

// The end that values go in. A copy is one more end; the channel ends when the last is closed or gone.
template <class T>
class channel_sender {
public:
    explicit channel_sender(detail::channel_ptr<T> c) noexcept : channel_(std::move(c)) { open(); }
    channel_sender(const channel_sender& other) noexcept : channel_sender(other.channel_) {}
    channel_sender(channel_sender&& other) noexcept : channel_(detail::exchange(other.channel_, {})) {}
    channel_sender& operator=(channel_sender other) noexcept {
        std::swap(channel_, other.channel_);
        return *this;
    }
    ~channel_sender() { close(); }

    // One more end.
    channel_sender clone() const noexcept { return *this; }

    bool is_open() const noexcept { return static_cast<bool>(channel_); }

    // Goes on once the item is in the buffer, or a receiver has it. Throws std::system_error: errc::closed if this end is
    // closed, errc::broken if no receiver is left; std::bad_alloc; std::logic_error if tasks of another loop wait.
    // Cancel class: lossless: the item is not sent, and is destroyed.
    detail::channel_send_description<T> send(T item) const noexcept { return {channel_, std::move(item)}; }

    // Sends if that needs no wait: whether it did; `item` is as it was otherwise. Throws as `send`.
    bool try_send(T&& item) const {
        if (!channel_) detail::refuse_channel(errc::closed, "channel::try_send");
        if (!channel_->has_receivers()) detail::refuse_channel(errc::broken, "channel::try_send");
        if (!channel_->has_room()) return false;
        channel_->put(std::move(item));
        return true;
    }
    bool try_send(const T& item) const { return try_send(T(item)); }

    // May be repeated. Who waits through this end is not disturbed.
    void close() noexcept {
        if (auto c = detail::exchange(channel_, {})) c->close_sender();
    }

private:
    void open() noexcept {
        if (channel_) channel_->add_sender();
    }

    detail::channel_ptr<T> channel_;
};

// The end that values come out of. A copy is one more end: each value goes to one of them.
template <class T>
class channel_receiver {
public:
    explicit channel_receiver(detail::channel_ptr<T> c) noexcept : channel_(std::move(c)) { open(); }
    channel_receiver(const channel_receiver& other) noexcept : channel_receiver(other.channel_) {}
    channel_receiver(channel_receiver&& other) noexcept : channel_(detail::exchange(other.channel_, {})) {}
    channel_receiver& operator=(channel_receiver other) noexcept {
        std::swap(channel_, other.channel_);
        return *this;
    }
    ~channel_receiver() { close(); }

    // One more end.
    channel_receiver clone() const noexcept { return *this; }

    bool is_open() const noexcept { return static_cast<bool>(channel_); }

    // Goes on with the next item; with nothing once all senders are closed and all items were received. Throws
    // std::system_error: errc::closed if this end is closed; std::bad_alloc; std::logic_error if tasks of another loop
    // wait. Cancel class: lossless.
    detail::channel_receive_description<T> receive() const noexcept { return detail::channel_receive_description<T>(channel_); }

    // The next item if one is there. Throws errc::closed if this end is closed, std::bad_alloc.
    std::optional<T> try_receive() const {
        if (!channel_) detail::refuse_channel(errc::closed, "channel::try_receive");
        if (!channel_->has_item()) return std::nullopt;
        return channel_->take();
    }

    // May be repeated. With the last receiver the items that are left are dropped. Who waits through this end is not
    // disturbed.
    void close() noexcept {
        if (auto c = detail::exchange(channel_, {})) c->close_receiver();
    }

private:
    void open() noexcept {
        if (channel_) channel_->add_receiver();
    }

    detail::channel_ptr<T> channel_;
};

// A new channel: its two ends. Holds `capacity` items that nobody has received yet; with 0 a send waits for its
// receiver. The tasks are those of one loop. Throws std::bad_alloc.
template <class T>
struct channel {
    explicit channel(std::size_t capacity = 0)
        : channel(detail::channel_ptr<T>(new detail::channel_state<T>(capacity))) {}

    channel_sender<T> sender;
    channel_receiver<T> receiver;

private:
    explicit channel(const detail::channel_ptr<T>& c) noexcept : sender(c), receiver(c) {}
};

}  // namespace async::inline v0
