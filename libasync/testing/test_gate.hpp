// A gate that one task waits at, and that code outside of all tasks opens.
#pragma once

#include <utility>

#include <libasync/coro/leaf.hpp>

namespace async::inline v0::detail {

class test_gate {
public:
    test_gate() = default;
    test_gate(const test_gate&) = delete;
    test_gate& operator=(const test_gate&) = delete;

    // Whoever waits goes on; appended to `steps`. Who comes later does not wait.
    void open(ready_list& steps) noexcept {
        open_ = true;
        if (waiting_) steps.push_back(*std::exchange(waiting_, nullptr));
    }

    class awaiter : leaf {
    public:
        explicit awaiter(test_gate& g) noexcept : leaf(&awaiter::stop), gate_(g) {}
        ~awaiter() {
            if (gate_.waiting_ == &node_) gate_.waiting_ = nullptr;
            node_.unlink_if_linked();
        }

        bool await_ready() const noexcept { return false; }

        template <class Promise>
        bool await_suspend(std::coroutine_handle<Promise> h) {
            if (!enter(h, node_)) return true;
            if (gate_.open_) return false;
            gate_.waiting_ = &node_;
            wait();
            return true;
        }

        void await_resume() {
            leave();
            if (stopped_) cancelled_access::raise();
        }

    private:
        static void stop(leaf& l) noexcept {
            auto& self = static_cast<awaiter&>(l);
            if (self.node_.linked()) return;
            self.stopped_ = true;
            self.gate_.waiting_ = nullptr;
            self.core().ready.push_back(self.node_);
        }

        test_gate& gate_;
        ready_node node_;
        bool stopped_ = false;
    };

    struct description {
        using async_native = void;
        test_gate& target;
        auto operator co_await() const noexcept { return awaiter(target); }
    };
    description pass() noexcept { return {*this}; }

private:
    ready_node* waiting_ = nullptr;
    bool open_ = false;
};

}  // namespace async::inline v0::detail
