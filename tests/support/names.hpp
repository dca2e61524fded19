// Names whose answers a test gives, on whichever engine.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <libasync/async.hpp>
#include <libasync/io/look_up_threads.hpp>

#include <tests/support/system.hpp>

namespace async_tests {

// While one lives, the threads that look up names ask it in place of the system: names that end in ".slow", and those
// of addresses, wait until they are released, "fast" is at 127.0.0.7, and others are not known. It has no say on the simulated engine.
class test_names {
public:
    test_names() {
        {
            const std::lock_guard lock(mutex());
            state() = {};
        }
        before_ = async::io::look_up_threads::replace_call(&test_names::answer);
    }
    test_names(const test_names&) = delete;
    test_names& operator=(const test_names&) = delete;
    ~test_names() {
        release();
        std::unique_lock lock(mutex());
        changed().wait(lock, [] { return state().running == 0; });
        async::io::look_up_threads::replace_call(before_);
    }

    // The slow ones are answered from here on.
    void release() {
        const std::lock_guard lock(mutex());
        state().released = true;
        changed().notify_all();
    }

    // How many look-ups were begun, and how many run now, or ran at the most.
    unsigned asked() const { return read(&counters::asked); }
    unsigned running() const { return read(&counters::running); }
    unsigned most_running() const { return read(&counters::most); }

    // Blocks the thread until so many were begun.
    void wait_until_asked(unsigned count) const {
        std::unique_lock lock(mutex());
        changed().wait(lock, [count] { return state().asked >= count; });
    }
    void wait_until_idle() const {
        std::unique_lock lock(mutex());
        changed().wait(lock, [] { return state().running == 0; });
    }

private:
    struct counters {
        unsigned asked = 0;
        unsigned running = 0;
        unsigned most = 0;
        bool released = false;
    };

    static std::mutex& mutex() {
        static std::mutex m;
        return m;
    }
    static std::condition_variable& changed() {
        static std::condition_variable c;
        return c;
    }
    static counters& state() {
        static counters c;
        return c;
    }
    unsigned read(unsigned counters::*which) const {
        const std::lock_guard lock(mutex());
        return state().*which;
    }

    static async::io::name_answer answer(const async::io::name_query& query) noexcept {
        std::unique_lock lock(mutex());
        counters& c = state();
        ++c.asked;
        c.most = std::max(c.most, ++c.running);
        changed().notify_all();
        const bool slow = query.host.ends_with(".slow") || query.reverse;
        if (slow) changed().wait(lock, [&c] { return c.released; });
        --c.running;
        changed().notify_all();
        async::io::name_answer a;
        if (query.reverse) {
            a.host = "slow";
            a.service = "slow";
        } else if (slow || query.host == "fast") {
            a.addresses.emplace_back("127.0.0.7", std::uint16_t{0});
        } else {
            a.error = async::resolve_errc::not_found;
        }
        return a;
    }

    async::io::look_up_threads::function before_;
};

}  // namespace async_tests
