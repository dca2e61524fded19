// What random trees of tasks share: locks, queues and channels, and the books on them. Every value that was put comes out
// once, every failure is seen by somebody, nobody is left inside a lock.
#pragma once

#include <algorithm>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <libasync/async.hpp>

namespace async_tests {

using namespace async;
using namespace std::chrono_literals;

// A failure that is known by its number.
struct on_purpose : std::runtime_error {
    explicit on_purpose(std::size_t n) : std::runtime_error("on purpose"), number(n) {}
    std::size_t number;
};

// Things that are made, each of which must be accounted for.
class ledger {
public:
    std::size_t make() {
        seen_.push_back(0);
        return seen_.size() - 1;
    }
    void see(std::size_t number) { ++seen_.at(number); }

    std::size_t made() const { return seen_.size(); }
    std::size_t never_seen() const { return count([](unsigned n) { return n == 0; }); }
    std::size_t seen_twice() const { return count([](unsigned n) { return n > 1; }); }

private:
    template <class Condition>
    std::size_t count(Condition c) const {
        return static_cast<std::size_t>(std::count_if(seen_.begin(), seen_.end(), c));
    }

    std::vector<unsigned> seen_;
};

class task_world {
public:
    task_world(std::uint64_t seed, std::string file) : random_(seed), file_(std::move(file)) {}

    ledger values;
    ledger failures;
    std::uint64_t wrong = 0;

    std::uint64_t draw(std::uint64_t bound) { return random_() % bound; }
    std::chrono::microseconds some_time() { return std::chrono::microseconds(draw(5000)); }

    [[noreturn]] void fail() { throw on_purpose(failures.make()); }

    // Whoever catches something shows it here. Groups count as what they hold.
    void judge(const std::exception_ptr& failure) {
        try {
            std::rethrow_exception(failure);
        } catch (const on_purpose& e) {
            failures.see(e.number);
        } catch (const exception_group& group) {
            for (const auto& each : group.exceptions()) judge(each);
        } catch (const timeout_error&) {
        } catch (const task_cancelled&) {
        } catch (...) {
            ++wrong;
        }
    }

    // One step of a leaf: something to wait for, at most for some time.
    task<void> do_something() {
        switch (draw(10)) {
            case 0: return pause();
            case 1: return nap();
            case 2: return read();
            case 3: return limited(hold_lock());
            case 4: return limited(hold_permit());
            case 5: return limited(put());
            case 6: return limited(get());
            case 7: return limited(send());
            case 8: return limited(choose());
            default: return limited(meet());
        }
    }

    // When nothing runs any more: takes out what is left, and whether all is as it was.
    bool at_rest() {
        while (!queue_.empty()) values.see(queue_.get_nowait());
        while (auto left = channel_.receiver.try_receive()) values.see(*left);
        return !door_.locked() && inside_ == 0 && permits_.value() == most_ && holding_ == 0 && meeting_.n_waiting() == 0;
    }

private:
    static constexpr std::size_t most_ = 2;

    // Counts itself in and out.
    class guest {
    public:
        guest(std::size_t& inside, std::size_t most, std::uint64_t& wrong) : inside_(inside) {
            if (++inside_ > most) ++wrong;
        }
        guest(const guest&) = delete;
        guest& operator=(const guest&) = delete;
        ~guest() { --inside_; }

    private:
        std::size_t& inside_;
    };

    task<void> limited(task<void> t) { static_cast<void>(co_await move_on_after(some_time(), std::move(t))); }

    task<void> pause() { co_await yield(); }
    task<void> nap() { co_await sleep(some_time()); }
    task<void> read() { static_cast<void>(co_await read_file(file_)); }

    task<void> hold_lock() {
        const auto guard = co_await door_.scoped();
        const guest here(inside_, 1, wrong);
        co_await sleep(some_time() / 10);
    }

    task<void> hold_permit() {
        const auto guard = co_await permits_.scoped();
        const guest here(holding_, most_, wrong);
        co_await sleep(some_time() / 10);
    }

    // A value that did not go in counts as seen.
    task<void> put() {
        const std::size_t value = values.make();
        return_to_books back(values, value);
        co_await queue_.put(value);
        back.gone();
    }

    task<void> send() {
        const std::size_t value = values.make();
        return_to_books back(values, value);
        co_await channel_.sender.send(value);
        back.gone();
    }

    task<void> get() {
        const std::size_t value = co_await queue_.get();
        values.see(value);
    }

    task<void> choose() {
        const std::size_t value = values.make();
        return_to_books back(values, value);
        auto got = co_await select(queue_.get(), channel_.receiver.receive(), sleep(some_time()), queue_.put(value));
        if (got.index() == 0) values.see(std::get<0>(got));
        if (got.index() == 1) values.see(std::get<1>(got).value());
        if (got.index() == 3) back.gone();
    }

    task<void> meet() { static_cast<void>(co_await meeting_.wait()); }

    class return_to_books {
    public:
        return_to_books(ledger& books, std::size_t value) : books_(books), value_(value) {}
        return_to_books(const return_to_books&) = delete;
        return_to_books& operator=(const return_to_books&) = delete;
        ~return_to_books() {
            if (!gone_) books_.see(value_);
        }
        void gone() { gone_ = true; }

    private:
        ledger& books_;
        std::size_t value_;
        bool gone_ = false;
    };

    std::mt19937_64 random_;
    const std::string file_;
    lock door_;
    std::size_t inside_ = 0;
    semaphore permits_{most_};
    std::size_t holding_ = 0;
    async::queue<std::size_t> queue_{2};
    channel<std::size_t> channel_{1};
    barrier meeting_{3};
};

}  // namespace async_tests
