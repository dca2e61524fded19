// A coroutine type whose frames are watched after they are destroyed: their memory is filled with a pattern and kept,
// so that whoever writes to it later is found out, the kernel included, which no sanitizer sees.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <utility>
#include <vector>

namespace async_tests {

class quarantine {
public:
    ~quarantine() {
        for (const frame& f : frames_) std::free(f.memory);
    }

    void take(void* memory, std::size_t size) {
        std::memset(memory, pattern, size);
        frames_.push_back({memory, size});
    }

    // Frames that were written to after they were destroyed.
    std::size_t touched() const {
        std::size_t count = 0;
        for (const frame& f : frames_) {
            const auto* bytes = static_cast<const unsigned char*>(f.memory);
            bool clean = true;
            for (std::size_t i = 0; i < f.size; ++i) clean = clean && bytes[i] == pattern;
            if (!clean) ++count;
        }
        return count;
    }

    std::size_t frames() const { return frames_.size(); }

    static quarantine& current() {
        static quarantine* instance = nullptr;
        if (!instance) instance = new quarantine;
        return *instance;
    }

private:
    static constexpr unsigned char pattern = 0xEE;
    struct frame {
        void* memory;
        std::size_t size;
    };
    std::vector<frame> frames_;
};

// Runs at once until it suspends. Destroying the object destroys the frame, wherever it stands.
class watched_coroutine {
public:
    struct promise_type {
        [[gnu::noinline]] static void* operator new(std::size_t size) {
            if (void* memory = std::malloc(size)) return memory;
            throw std::bad_alloc();
        }
        [[gnu::noinline]] static void operator delete(void* memory, std::size_t size) {
            quarantine::current().take(memory, size);
        }

        watched_coroutine get_return_object() {
            return watched_coroutine(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_always final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept {}  // an operation that failed or was closed
    };

    explicit watched_coroutine(std::coroutine_handle<promise_type> frame) : frame_(frame) {}
    watched_coroutine(watched_coroutine&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    watched_coroutine& operator=(watched_coroutine&&) = delete;
    ~watched_coroutine() {
        if (frame_) frame_.destroy();
    }

    bool done() const { return frame_.done(); }

private:
    std::coroutine_handle<promise_type> frame_;
};

}  // namespace async_tests
