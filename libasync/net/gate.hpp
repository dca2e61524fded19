// What the tasks of one loop wait at until it is opened. It is shut again only when all whom it let through have gone on.
#pragma once

#include <libasync/coro/leaf.hpp>

namespace async::inline v0::detail {

class gate {
    class awaiter;
    struct description;

public:
    explicit gate(loop_core& core) noexcept : core_(core) {}
    gate(const gate&) = delete;
    gate& operator=(const gate&) = delete;
    ~gate() { LIBASYNC_ASSERT(waiting_.empty(), "a gate outlives those who wait at it"); }

    void open() noexcept {
        open_ = true;
        core_.ready.splice_back(waiting_);
    }
    void shut() noexcept { open_ = false; }

    // Goes on once it is open.
    description pass() noexcept;

private:
    loop_core& core_;
    ready_list waiting_;
    bool open_ = false;
};

class gate::awaiter : leaf {
public:
    explicit awaiter(gate& g) noexcept : leaf(&awaiter::stop), gate_(g) {}
    ~awaiter() { node_.unlink_if_linked(); }

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        if (!enter(h, node_)) return true;
        if (gate_.open_ && core().may_continue_in_place()) return false;
        (gate_.open_ ? core().ready : gate_.waiting_).push_back(node_);
        wait();
        return true;
    }

    void await_resume() {
        leave();
        if (stopped_) cancelled_access::raise();
    }

private:
    // Does not touch one that was let through.
    static void stop(leaf& l) noexcept {
        auto& self = static_cast<awaiter&>(l);
        if (self.stopped_ || self.gate_.open_) return;
        self.stopped_ = true;
        self.node_.unlink();
        self.core().ready.push_back(self.node_);
    }

    gate& gate_;
    ready_node node_;
    bool stopped_ = false;
};

struct gate::description {
    using async_native = void;
    gate& passed;
    auto operator co_await() const noexcept { return awaiter(passed); }
};

inline gate::description gate::pass() noexcept { return {*this}; }

}  // namespace async::inline v0::detail
