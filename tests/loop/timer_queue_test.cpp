#include <libasync/loop/timer_queue.hpp>

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <random>
#include <vector>

using namespace async;
using detail::ready_list;
using detail::ready_node;
using detail::timer_node;
using detail::timer_queue;

namespace {

time_point at(std::int64_t ns) { return time_point(std::chrono::nanoseconds(ns)); }

std::size_t size_of(ready_list& nodes) {
    std::size_t count = 0;
    for (ready_node* n = nodes.first(); n; n = nodes.after(n)) ++count;
    return count;
}

// What the queue must do, told by a std::multimap: equal keys keep the order of insertion.
class model {
public:
    explicit model(std::size_t nodes) : places_(nodes, deadlines_.end()) {}

    void set(std::size_t node, time_point when) {
        cancel(node);
        places_[node] = deadlines_.emplace(when, node);
    }
    void cancel(std::size_t node) {
        if (places_[node] != deadlines_.end()) deadlines_.erase(places_[node]);
        places_[node] = deadlines_.end();
    }
    bool armed(std::size_t node) const { return places_[node] != deadlines_.end(); }
    std::size_t size() const { return deadlines_.size(); }
    time_point next() const { return deadlines_.begin()->first; }

    // The first one, if it is due.
    bool pop_due(time_point now, std::size_t& node) {
        if (deadlines_.empty() || deadlines_.begin()->first > now) return false;
        node = deadlines_.begin()->second;
        cancel(node);
        return true;
    }

private:
    using map = std::multimap<time_point, std::size_t>;
    map deadlines_;
    std::vector<map::iterator> places_;
};

}  // namespace

TEST_CASE("a timer is due at its deadline and not before") {
    timer_queue queue;
    timer_node node;
    ready_list due;
    CHECK(queue.empty());
    queue.set(node, at(100));
    CHECK(node.armed());
    CHECK(queue.size() == 1);
    CHECK(queue.next() == at(100));
    queue.collect_due(at(99), due);
    CHECK(due.empty());
    queue.collect_due(at(100), due);
    CHECK(size_of(due) == 1);
    CHECK_FALSE(node.armed());
    CHECK(queue.empty());
    node.unlink();
}

TEST_CASE("a cancelled timer is never due; cancelling what is not armed does nothing") {
    timer_queue queue;
    timer_node node;
    ready_list due;
    queue.cancel(node);
    queue.set(node, at(1));
    queue.cancel(node);
    queue.cancel(node);
    CHECK_FALSE(node.armed());
    CHECK(queue.empty());
    queue.collect_due(time_point::max(), due);
    CHECK(due.empty());
}

TEST_CASE("a timer that is set again moves, and goes behind those of its new deadline") {
    timer_queue queue;
    timer_node a;
    timer_node b;
    ready_list due;
    queue.set(a, at(5));
    queue.set(b, at(5));
    queue.set(a, at(5));
    CHECK(queue.size() == 2);
    queue.collect_due(at(5), due);
    CHECK(due.pop_front() == &b);
    CHECK(due.pop_front() == &a);
}

TEST_CASE("a million timers come due in the order of deadlines, ties in the order they were set") {
    constexpr std::size_t count = 1'000'000;
    timer_queue queue;
    const auto nodes = std::make_unique<timer_node[]>(count);
    std::mt19937_64 random(1);
    for (std::size_t i = 0; i < count; ++i) {
        queue.set(nodes[i], at(static_cast<std::int64_t>(random() % (count / 4))));
    }
    CHECK(queue.size() == count);
    ready_list due;
    queue.collect_due(time_point::max(), due);
    CHECK(queue.empty());
    std::size_t collected = 0;
    bool in_order = true;
    const timer_node* before = nullptr;
    while (!due.empty()) {
        const auto* node = static_cast<timer_node*>(due.pop_front());
        if (before) {
            in_order = in_order && (before->when < node->when || (before->when == node->when && before < node));
        }
        before = node;
        ++collected;
    }
    CHECK(in_order);
    CHECK(collected == count);
}

TEST_CASE("a million timers set, moved, cancelled and collected at random behave like a std::multimap") {
    constexpr std::size_t count = 100'000;
    constexpr int steps = 1'000'000;
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    timer_queue queue;
    model expected(count);
    const auto nodes = std::make_unique<timer_node[]>(count);
    std::int64_t now = 0;
    int mismatches = 0;
    for (int step = 0; step < steps && mismatches == 0; ++step) {
        const std::size_t i = random() % count;
        const auto choice = random() % 16;
        if (choice < 11) {
            // Few different deadlines, so that there are many ties.
            const time_point when = at(now + static_cast<std::int64_t>(random() % 20'000) - 100);
            queue.set(nodes[i], when);
            expected.set(i, when);
        } else if (choice < 15) {
            queue.cancel(nodes[i]);
            expected.cancel(i);
        } else {
            now += static_cast<std::int64_t>(random() % 8);
            ready_list due;
            queue.collect_due(at(now), due);
            std::size_t node = 0;
            while (expected.pop_due(at(now), node)) {
                mismatches += due.empty() || due.pop_front() != &nodes[node];
            }
            mismatches += !due.empty();
            while (!due.empty()) due.pop_front();
        }
        mismatches += queue.size() != expected.size() || nodes[i].armed() != expected.armed(i);
        mismatches += !queue.empty() && queue.next() != expected.next();
    }
    CHECK(mismatches == 0);
}
