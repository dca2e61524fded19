#include <libasync/coro/run.hpp>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <thread>

#include <libasync/coro/task_dump.hpp>
#include <libasync/loop/log.hpp>
#include <libasync/loop/notifier.hpp>

namespace async::inline v0 {

namespace {

const detail::thread_identity main_thread = detail::this_thread_identity();

std::atomic<notifier*> interrupt_notifier{nullptr};
std::atomic<int> interrupts_running{0};

extern "C" void libasync_on_interrupt(int) {
    std::signal(SIGINT, SIG_DFL);  // a second one ends the process
    ++interrupts_running;
    if (notifier* n = interrupt_notifier.load()) n->notify();
    --interrupts_running;
}

// Says what an interrupt does, as long as it lives.
class on_interrupt {
public:
    on_interrupt(detail::loop_core& core, unique_function<void()> action) : core_(core) {
        core_.interrupt = std::move(action);
    }
    on_interrupt(const on_interrupt&) = delete;
    on_interrupt& operator=(const on_interrupt&) = delete;
    ~on_interrupt() { core_.interrupt.reset(); }

private:
    detail::loop_core& core_;
};

// While it lives, the first SIGINT calls back on the loop. Leaves a handler that somebody else installed alone.
class interrupt_watch {
public:
    interrupt_watch(loop& l, unique_function<void()> on_interrupt) {
        if (detail::this_thread_identity() != main_thread || interrupt_notifier.load() != nullptr) return;
        notifier_ = std::make_unique<notifier>(l, std::move(on_interrupt));
        interrupt_notifier.store(notifier_.get());
        const auto previous = std::signal(SIGINT, libasync_on_interrupt);
        if (previous == SIG_DFL) return;
        std::signal(SIGINT, previous);
        stop();
    }
    interrupt_watch(const interrupt_watch&) = delete;
    interrupt_watch& operator=(const interrupt_watch&) = delete;
    ~interrupt_watch() {
        if (!notifier_) return;
        std::signal(SIGINT, SIG_DFL);
        stop();
    }

private:
    void stop() {
        interrupt_notifier.store(nullptr);
        while (interrupts_running.load() != 0) std::this_thread::yield();  // a handler on another thread has it yet
        notifier_.reset();
    }

    std::unique_ptr<notifier> notifier_;
};

}  // namespace

namespace {

std::string message_of_stall(detail::loop_core& core) {
    return std::string("the loop has stalled: ") + core.engine->stalled() + detail::describe_tasks(core);
}

// Tasks that do not end though they are cancelled cannot be destroyed either.
[[noreturn]] void give_up(detail::loop_core& core) {
    detail::log(log_level::error, "the loop cannot end: " + std::string(core.engine->stalled()) +
                                      ", even of those that were cancelled" + detail::describe_tasks(core));
    std::abort();
}

}  // namespace

runner::entered::entered(runner& r) : runner_(r) {
    if (detail::this_core != nullptr) throw std::logic_error("a loop runs on this thread already");
    if (detail::this_thread_identity() != r.loop_.core().owner) {
        throw std::logic_error("a runner is used on the thread that built it");
    }
    detail::this_core = &runner_.loop_.core();
}

runner::entered::~entered() { detail::this_core = nullptr; }

runner::runner(const loop_options& options) : loop_(options), registry_(loop_.core()) { set_up(); }

runner::runner(std::unique_ptr<io::engine> engine, const loop_options& options)
    : loop_(std::move(engine), options),
      registry_(loop_.core()) {
    set_up();
}

void runner::set_up() { loop_.core().tasks = &registry_; }

runner::~runner() {
    if (registry_.all.empty()) return;
    detail::loop_core* outer = std::exchange(detail::this_core, &loop_.core());
    wind_up();
    detail::this_core = outer;
}

void runner::drive_main(detail::control_block& main) {
    {
        interrupted_ = false;
        detail::loop_core& core = loop_.core();
        const on_interrupt installed(core, [this, &main] {
            if (main.done() || main.own_scope.called) return;  // cancelled by somebody else, it does not end by this
            interrupted_ = true;
            main.own_scope.cancel();
        });
        const interrupt_watch watch(loop_, [&core] { core.interrupt(); });
        while (!main.done()) turn_once();
    }
    wind_up();
}

// A loop that has stalled is wound up, so that nothing is left of it when its caller learns why.
void runner::turn_once() {
    detail::loop_core& core = loop_.core();
    core.turn(detail::wait::yes);
    if (core.engine->stalled() == nullptr) [[likely]]
        return;
    const std::string message = message_of_stall(core);
    core.engine->forget_stall();
    wind_up();
    throw stalled_error(message);
}

void runner::wind_up() {
    detail::loop_core& core = loop_.core();
    if (!registry_.all.empty()) {
        registry_.root.cancel();
        while (!registry_.all.empty()) {
            core.turn(detail::wait::yes);
            if (core.engine->stalled()) [[unlikely]]
                give_up(core);
        }
        registry_.root.called = registry_.root.effective = false;
    }
    core.engine->collect_posts();
    if (!core.ready.empty() || !core.engine->completed.empty()) core.turn(detail::wait::no);
}

bool runner::turn(async::turn how) {
    const entered inside(*this);
    detail::loop_core& core = loop_.core();
    core.turn(how == async::turn::wait ? detail::wait::yes : detail::wait::no);
    if (core.engine->stalled()) [[unlikely]] {
        const std::string message = message_of_stall(core);
        core.engine->forget_stall();
        throw stalled_error(message);
    }
    if (core.engine->has_queued()) core.engine->visit(time_point::min());
    return !core.ready.empty() || !core.when_idle.empty() || !core.engine->completed.empty();
}

}  // namespace async::inline v0
