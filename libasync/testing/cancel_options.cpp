#include <libasync/testing/cancel_options.hpp>

namespace async::inline v0::testing {

const char* to_string(cancel_delivery d) noexcept {
    switch (d) {
        case cancel_delivery::at_once: return "at_once";
        case cancel_delivery::next_turn: return "next_turn";
        case cancel_delivery::when_completion_is_queued: return "when_completion_is_queued";
        case cancel_delivery::twice: return "twice";
        case cancel_delivery::from_sibling: return "from_sibling";
        case cancel_delivery::by_destruction: return "by_destruction";
        case cancel_delivery::destruction_at_completion: return "destruction_at_completion";
        case cancel_delivery::deadline_at_completion: return "deadline_at_completion";
    }
    return "unknown";
}

cancel_counts& cancel_counts::operator+=(const cancel_counts& other) noexcept {
    runs += other.runs;
    cancelled += other.cancelled;
    completed += other.completed;
    waited += other.waited;
    failed += other.failed;
    destroyed += other.destroyed;
    not_applicable += other.not_applicable;
    return *this;
}

cancel_counts cancel_report::total() const noexcept {
    cancel_counts sum;
    for (const cancel_counts& c : counts_) sum += c;
    return sum;
}

namespace {

std::string name_of(cancel_point p) { return std::string(to_string(p.delivery)) + ":" + std::to_string(p.suspension); }

}  // namespace

cancel_failure::cancel_failure(cancel_point where, const std::string& what)
    : std::runtime_error("cancelled " + name_of(where) + ": " + what +
                         " (this run alone: LIBASYNC_CANCEL=" + name_of(where) + ")"),
      point(where) {}

cancel_failure::~cancel_failure() = default;

}  // namespace async::inline v0::testing
