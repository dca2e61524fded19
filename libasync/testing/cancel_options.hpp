// What `cancel_everywhere` is told, and what it tells: at which suspension the part under test is cancelled, how the
// cancellation is delivered, and what came of it.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include <libasync/io/engine.hpp>
#include <libasync/loop/options.hpp>

namespace async::inline v0::testing {

enum class cancel_delivery : std::uint8_t {
    at_once,                    // right after the step in which the part suspended
    next_turn,                  // in the turn after that
    when_completion_is_queued,  // its outcome is recorded, and it is resumed next
    twice,                      // at once and in the next turn
    from_sibling,               // by another task, at the end of the same turn
    by_destruction,             // the frames are destroyed where they are suspended
    destruction_at_completion,  // the frames are destroyed when its outcome is recorded, and it would be resumed next
    deadline_at_completion,     // by a deadline of the very instant at which the await ends; needs a virtual clock
};
inline constexpr std::size_t cancel_deliveries = 8;

// Whether the part is not asked to stop, but its frames are destroyed.
constexpr bool destroys(cancel_delivery d) noexcept {
    return d == cancel_delivery::by_destruction || d == cancel_delivery::destruction_at_completion;
}

const char* to_string(cancel_delivery d) noexcept;

// A set of deliveries.
class delivery_set {
public:
    static constexpr delivery_set all() noexcept { return delivery_set((1u << cancel_deliveries) - 1); }
    static constexpr delivery_set of(cancel_delivery d) noexcept { return delivery_set(bit(d)); }

    constexpr bool has(cancel_delivery d) const noexcept { return (bits_ & bit(d)) != 0; }
    constexpr delivery_set with(cancel_delivery d) const noexcept { return delivery_set(bits_ | bit(d)); }
    constexpr delivery_set without(cancel_delivery d) const noexcept { return delivery_set(bits_ & ~bit(d)); }
    constexpr delivery_set without_destruction() const noexcept {
        return without(cancel_delivery::by_destruction).without(cancel_delivery::destruction_at_completion);
    }

private:
    explicit constexpr delivery_set(unsigned bits) noexcept : bits_(bits) {}
    static constexpr unsigned bit(cancel_delivery d) noexcept { return 1u << static_cast<unsigned>(d); }

    unsigned bits_;
};

// One run: which delivery, at which suspension; the first is number 0.
struct cancel_point {
    cancel_delivery delivery = cancel_delivery::at_once;
    unsigned suspension = 0;
};

struct cancel_options {
    // For the loop of each run.
    loop_options loop = {};
    // Makes the engine of each run, in place of the one that `loop` chooses.
    std::unique_ptr<io::engine> (*make_engine)() = nullptr;
    // Take those without destruction for parts that start children and wait for them: those must not lose their parent.
    // What tasks hand each other passes on from frames that are destroyed at completion; what input and output has
    // brought is gone with them, so for parts that read this loses bytes, and it is done only if it is asked for.
    delivery_set deliveries = delivery_set::all().without(cancel_delivery::destruction_at_completion);
    // This run alone. Also LIBASYNC_CANCEL=delivery:suspension, for example at_once:3.
    std::optional<cancel_point> only = {};
    // The most suspensions that a part may have.
    unsigned limit = 1000;
    // A run that takes longer has hung; on a virtual clock, one that waits for nothing else.
    std::chrono::seconds patience{20};
    // For parts that wait for what never comes: one that has rested so long without being cancelled is cancelled, and
    // the suspension in question is not applicable. 0: never.
    std::chrono::milliseconds quiet{0};
    // The loop stands still so long before a cancellation in the next turn: threads and the kernel may finish then
    // what the loop has not seen yet.
    std::chrono::microseconds hesitation{0};
};
static_assert(std::is_trivially_destructible_v<cancel_options>);

// How the runs of one delivery ended, those that reached their suspension.
struct cancel_counts {
    unsigned runs = 0;
    unsigned cancelled = 0;
    unsigned completed = 0;  // with a value all the same
    unsigned waited = 0;     // of those: nothing was recorded yet when the cancellation came
    unsigned failed = 0;     // with an exception
    unsigned destroyed = 0;
    unsigned not_applicable = 0;  // the moment for the cancellation did not come

    cancel_counts& operator+=(const cancel_counts& other) noexcept;
};

class cancel_report {
public:
    const cancel_counts& of(cancel_delivery d) const noexcept { return counts_[static_cast<std::size_t>(d)]; }
    cancel_counts total() const noexcept;

    // Why a delivery was left out; empty if it was not.
    const std::string& skipped(cancel_delivery d) const noexcept { return skipped_[static_cast<std::size_t>(d)]; }

    // How often the part suspended in the run in which it did so most.
    unsigned suspensions() const noexcept { return suspensions_; }

    // For the harness.
    cancel_counts& counts(cancel_delivery d) noexcept { return counts_[static_cast<std::size_t>(d)]; }
    void skip(cancel_delivery d, std::string why) { skipped_[static_cast<std::size_t>(d)] = std::move(why); }
    void saw_suspensions(unsigned count) noexcept { suspensions_ = count > suspensions_ ? count : suspensions_; }

private:
    std::array<cancel_counts, cancel_deliveries> counts_{};
    std::array<std::string, cancel_deliveries> skipped_;
    unsigned suspensions_ = 0;
};

// A run went wrong. The message tells which one, where its part was suspended, and how to repeat this run alone.
class LIBASYNC_EXPORT cancel_failure : public std::runtime_error {
public:
    cancel_failure(cancel_point where, const std::string& what);
    ~cancel_failure() override;

    const cancel_point point;
};

}  // namespace async::inline v0::testing
