#include <libasync/testing/cancel_everywhere.hpp>

#include <cstdlib>
#include <string_view>

#include <libasync/coro/run.hpp>
#include <libasync/testing/open_descriptors.hpp>

namespace async::inline v0::testing {

namespace {

std::string describe(const std::source_location& at) {
    if (at.line() == 0) return "nowhere";
    return std::string(at.file_name()) + ":" + std::to_string(at.line());
}

std::unique_ptr<runner> make_runner(const cancel_options& options) {
    if (options.make_engine) return std::make_unique<runner>(options.make_engine(), options.loop);
    return std::make_unique<runner>(options.loop);
}

// Engines whose time passes only while nothing else happens.
bool has_virtual_clock(runner& r) {
    const std::string_view name = r.loop().engine_name();
    return name == "scripted" || name == "sim";
}

// Reports that nobody may miss, and the end of patience.
struct findings {
    std::string failure;

    void add(const std::string& what) {
        if (failure.empty()) failure = what;
    }
};

// Throws if the scenario has left something behind.
void check_leftovers(loop& l, unsigned expected_timers) {
    std::size_t tasks = 0;
    std::string names;
    auto& all = l.core().tasks->all;
    for (auto* link = all.first(); link; link = all.after(link)) {
        ++tasks;
        names += " " + static_cast<detail::control_block*>(link)->display_name();
    }
    if (tasks > 1) throw std::runtime_error("tasks are left at the end:" + names);
    if (l.core().timers.size() > expected_timers) throw std::runtime_error("timers are left at the end");
}

task<void> run_scenario(cancel_scenario& scenario, cancel_subject& subject, unsigned timers) {
    co_await scenario(subject);
    check_leftovers(this_loop(), timers);
}

// Gives the part up once it has rested for `quiet`.
class quiet_timer {
public:
    quiet_timer(loop& l, detail::suspension_watch& watch, std::chrono::milliseconds quiet)
        : loop_(l),
          watch_(watch),
          quiet_(quiet) {
        if (quiet_.count() != 0) arm();
    }
    quiet_timer(const quiet_timer&) = delete;
    quiet_timer& operator=(const quiet_timer&) = delete;
    ~quiet_timer() { timer_.cancel(); }

private:
    void arm() {
        seen_ = watch_.suspensions();
        timer_ = loop_.call_later(quiet_, [this] {
            if (watch_.over() || watch_.delivered()) return;
            if (watch_.began() && watch_.suspensions() == seen_) return watch_.give_up();
            arm();
        });
    }

    loop& loop_;
    detail::suspension_watch& watch_;
    const std::chrono::milliseconds quiet_;
    callback_handle timer_;
    unsigned seen_ = 0;
};

struct run_result {
    bool reached = false;
    bool delivered = false;
    bool nothing_recorded = false;
    unsigned suspensions = 0;
    time_point ended_at = time_point::max();
    ended how = ended::completed;
};

class cancel_runs {
public:
    cancel_runs(cancel_scenario& scenario, const cancel_options& options) : scenario_(scenario), options_(options) {}

    // Finds out when the suspension ends first, if the delivery needs that.
    run_result run(cancel_point p) {
        time_point deadline = time_point::max();
        if (p.delivery == cancel_delivery::deadline_at_completion) {
            const run_result first = run_once(p, deadline);
            if (!first.reached || first.ended_at == time_point::max()) return first;
            deadline = first.ended_at;
        }
        return run_once(p, deadline);
    }

private:
    run_result run_once(cancel_point p, time_point deadline) {
        const int descriptors = open_descriptors();
        findings found;
        detail::suspension_watch watch(p, deadline, options_.hesitation);
        cancel_subject subject(watch);
        {
            const std::unique_ptr<runner> r = make_runner(options_);
            r->loop().set_exception_handler(
                [&](const exception_context& c) { found.add(std::string(c.message) + ": " + detail::describe_exception(c.exception)); });
            drive(*r, subject, watch, found);
        }
        if (!watch.began()) found.add("the scenario did not run its part under test");
        if (open_descriptors() != descriptors) found.add("descriptors are left open");
        if (!found.failure.empty()) {
            if (watch.reached()) found.failure += "; the suspension was at " + describe(watch.where());
            throw cancel_failure(p, found.failure);
        }
        return {watch.reached(),     watch.delivered(), watch.nothing_recorded(),
                watch.suspensions(), watch.ended_at(),  subject.last_ending()};
    }

    void drive(runner& r, cancel_subject& subject, detail::suspension_watch& watch, findings& found) {
        const auto patience =
            has_virtual_clock(r) ? std::chrono::hours(24 * 10'000) : std::chrono::nanoseconds(options_.patience);
        auto give_up = [&] {
            found.add("the scenario does not end; its part waits at " + describe(watch.waits_at()));
            r.loop().core().tasks->root.cancel();
        };
        callback_handle watchdog = r.loop().call_later(patience, give_up);
        const quiet_timer quiet(r.loop(), watch, options_.quiet);
        try {
            r.run(run_scenario(scenario_, subject, options_.quiet.count() == 0 ? 1 : 2));
        } catch (...) {
            found.add(detail::describe_exception(std::current_exception()));
        }
        watchdog.cancel();
    }

    cancel_scenario& scenario_;
    const cancel_options& options_;
};

void count(cancel_counts& counts, const run_result& result) {
    ++counts.runs;
    if (!result.delivered && result.ended_at == time_point::max()) {
        ++counts.not_applicable;
        return;
    }
    switch (result.how) {
        case ended::completed:
            ++counts.completed;
            if (result.nothing_recorded) ++counts.waited;
            break;
        case ended::cancelled: ++counts.cancelled; break;
        case ended::failed: ++counts.failed; break;
        case ended::destroyed: ++counts.destroyed; break;
    }
}

// LIBASYNC_CANCEL=delivery:suspension.
std::optional<cancel_point> only_of_environment() {
    const char* text = std::getenv("LIBASYNC_CANCEL");
    if (text == nullptr || *text == '\0') return {};
    const std::string_view value(text);
    const std::size_t colon = value.find(':');
    for (std::size_t i = 0; i < cancel_deliveries && colon != value.npos; ++i) {
        const auto d = static_cast<cancel_delivery>(i);
        if (value.substr(0, colon) != to_string(d)) continue;
        return cancel_point{d, static_cast<unsigned>(std::strtoul(text + colon + 1, nullptr, 10))};
    }
    throw std::invalid_argument("LIBASYNC_CANCEL: '" + std::string(value) + "' is not <delivery>:<suspension>");
}

std::string reason_to_skip(cancel_delivery d, const cancel_options& options) {
    if (!options.deliveries.has(d)) return "left out by the options";
    if (d != cancel_delivery::deadline_at_completion) return {};
    const std::unique_ptr<runner> r = make_runner(options);
    if (has_virtual_clock(*r)) return {};
    return std::string("needs a virtual clock; the engine '") + r->loop().engine_name() + "' has none";
}

}  // namespace

cancel_report cancel_everywhere(cancel_scenario scenario, const cancel_options& options) {
    cancel_report report;
    cancel_runs runs(scenario, options);
    const std::optional<cancel_point> only = options.only ? options.only : only_of_environment();
    for (std::size_t i = 0; i < cancel_deliveries; ++i) {
        const auto d = static_cast<cancel_delivery>(i);
        if (only && only->delivery != d) {
            report.skip(d, "another run was asked for");
            continue;
        }
        if (std::string why = reason_to_skip(d, options); !why.empty()) {
            report.skip(d, std::move(why));
            continue;
        }
        for (unsigned k = only ? only->suspension : 0;; ++k) {
            if (k > options.limit) throw cancel_failure({d, k}, "the part suspends without end");
            const run_result result = runs.run({d, k});
            report.saw_suspensions(result.suspensions);
            if (!result.reached) break;
            count(report.counts(d), result);
            if (only) break;
        }
    }
    return report;
}

}  // namespace async::inline v0::testing
