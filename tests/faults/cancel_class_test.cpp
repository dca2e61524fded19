// The cancel class that the comment of each public awaitable states is the one that it has: derived here from what
// happens when it is cancelled.
//
//   lossless:  it breaks off without effect, and whoever repeats it misses nothing
//   poisoning: it breaks off half done, and its object refuses more
//   deferred:  it is waited for, whatever the cancellation: for work that is on its way already
//   inherited: that of what it is made of
#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <sstream>
#include <vector>

#include <libasync/io/sim/sim_engine.hpp>
#include <libasync/sim/simulation.hpp>
#include <libasync/testing/check_stream.hpp>

#include <tests/support/cancel.hpp>
#include <tests/support/cancel_classes.hpp>
#include <tests/support/environment.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/files.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

struct facts {
    unsigned suspensions = 0;
    unsigned cancelled = 0;
    unsigned waited = 0;     // it completed although nothing was recorded when the cancellation came
    unsigned half_done = 0;  // and the object refuses more
};

std::string class_of(const facts& f) {
    if (f.half_done != 0) return "poisoning";
    if (f.waited != 0) return "deferred";
    if (f.cancelled != 0) return "lossless";
    return f.suspensions == 0 ? "never waits" : "unknown";
}

using observed_scenario = std::function<task<void>(cancel_subject&, facts&)>;

// Cancels the first await of the part at once, and again and again in the next turn, with more and more time for
// threads and kernel to work in between.
facts observe_up_to(std::chrono::microseconds longest, const observed_scenario& scenario) {
    facts seen;
    const auto once = [&](cancel_delivery d, std::chrono::microseconds hesitation) {
        const auto run = [&](cancel_subject& subject) { return scenario(subject, seen); };
        const cancel_options options{.only = async::testing::cancel_point{d, 0}, .hesitation = hesitation};
        const cancel_report report = cancel_everywhere(run, options);
        seen.suspensions += report.suspensions();
        seen.cancelled += report.total().cancelled;
        seen.waited += report.total().waited;
    };
    once(cancel_delivery::at_once, 0us);
    for (auto hesitation = 0us; hesitation < longest && seen.waited == 0; hesitation = 4 * hesitation + 100us) {
        once(cancel_delivery::next_turn, hesitation);
    }
    return seen;
}

// For what waits for others, who do not come.
facts observe(const observed_scenario& scenario) { return observe_up_to(3ms, scenario); }

// For work that comes to its end by itself, sooner or later.
facts observe_work(const observed_scenario& scenario) { return observe_up_to(10s, scenario); }

// Cancels each await of a part that is made of several.
facts observe_each(const observed_scenario& scenario) {
    facts seen;
    const auto run = [&](cancel_subject& subject) { return scenario(subject, seen); };
    const cancel_report report = cancel_everywhere(run, {.deliveries = delivery_set::of(cancel_delivery::at_once)});
    seen.suspensions = report.suspensions();
    seen.cancelled = report.total().cancelled;
    seen.waited += report.total().waited;
    return seen;
}

// What the part waits for does not come before it is cancelled; then it is repeated, and must find everything.
task<void> read_scenario(cancel_subject& subject, bool as_chunk) {
    stream_pair pair = co_await connected_pair();
    std::array<char, 10> room;
    auto some = [](tcp_stream& stream, std::span<char> into) -> task<std::string> {
        const std::size_t count = co_await stream.read_some(std::as_writable_bytes(into));
        co_return std::string(into.data(), count);
    };
    auto whole = [](tcp_stream& stream) -> task<std::string> {
        const chunk data = co_await stream.read();
        co_return std::string(data.text());
    };
    const auto make = [&] { return as_chunk ? whole(pair.server) : some(pair.server, room); };
    const auto ending = co_await subject.run(make());
    must(ending.cancelled(), "nothing was there to read");
    co_await pair.client.write("late");
    const std::string got = co_await make();
    must(got == "late", "what came later is read");
    co_await pair.client.close();
    co_await pair.server.close();
}

std::string lossless_if(task<void> (*scenario)(cancel_subject&)) {
    return class_of(observe([scenario](cancel_subject& subject, facts&) { return scenario(subject); }));
}

task<void> read_chunk(cancel_subject& subject) { return read_scenario(subject, true); }
task<void> read_some(cancel_subject& subject) { return read_scenario(subject, false); }

task<void> accept(cancel_subject& subject) {
    auto listener = tcp_listener::bind(endpoint::loopback(0));
    auto ending = co_await subject.run(listener.accept());
    must(ending.cancelled(), "nobody came");
    tcp_stream client = co_await connect(listener.local_endpoint());
    tcp_stream server = co_await listener.accept();
    must(server.remote_endpoint() == client.local_endpoint(), "who came later is let in");
    co_await client.close();
    co_await server.close();
    co_await listener.close();
}

// To a listener whose backlog is full.
task<void> connect_blocked(cancel_subject& subject, task<tcp_stream> (*connect_to)(endpoint)) {
    auto listener = tcp_listener::bind(endpoint::loopback(0), {.backlog = 1});
    const endpoint where = listener.local_endpoint();
    std::vector<tcp_stream> waiting;
    for (bool full = false; !full;) {
        auto client = co_await move_on_after(20ms, connect(where));
        full = !client.has_value();
        if (client) waiting.push_back(std::move(*client));
        must(waiting.size() < 20, "the backlog never fills");
    }
    auto ending = co_await subject.run(connect_to(where));
    must(ending.cancelled(), "there was no room");
    for (std::size_t i = 0; i < waiting.size(); ++i) {
        tcp_stream s = co_await listener.accept();
        co_await s.close();
    }
    tcp_stream client = co_await connect_to(where);
    must(client.is_open(), "it may be repeated");
    co_await client.close();
    for (tcp_stream& s : waiting) co_await s.close();
    co_await listener.close();
}

task<tcp_stream> connect_freely(endpoint where) { return connect(where); }
task<tcp_stream> connect_by_class(endpoint where) { return tcp_stream::connect(where); }
task<void> connect_1(cancel_subject& subject) { return connect_blocked(subject, connect_freely); }
task<void> connect_2(cancel_subject& subject) { return connect_blocked(subject, connect_by_class); }

task<void> write_to_deaf(cancel_subject& subject, facts& seen) {
    stream_pair pair = co_await connected_pair();
    const std::string text = pattern(32 << 20);
    const auto ending = co_await subject.run(pair.client.write(text));
    must(ending.cancelled(), "there was no room");
    const std::error_code again = co_await error_of(pair.client.write("x"));
    const std::uint64_t written = pair.client.written();
    seen.half_done += written != 0 && written < text.size() && again == errc::broken;
    pair.server.abort();
    co_await pair.client.close();
}

task<void> shut_down(cancel_subject& subject) {
    auto part = [](tcp_stream& stream) -> task<void> {
        co_await yield();
        co_await yield();
        co_await stream.shutdown_write();
    };
    stream_pair pair = co_await connected_pair();
    const auto ending = co_await subject.run(part(pair.client));
    must(ending.cancelled(), "in a cancelled scope it is refused");
    co_await pair.client.write("x");
    const std::string got = co_await read_exactly(pair.server, 1);
    must(got == "x", "without effect");
    co_await pair.client.close();
    co_await pair.server.close();
}

// Counts what takes effect although its scope was cancelled before.
template <class Closable>
task<void> close_cancelled(cancel_subject& subject, Closable closable, facts& seen) {
    auto part = [](Closable& c) -> task<void> {
        try {
            co_await yield();
            co_await yield();
        } catch (const cancelled&) {
        }
        co_await c.close();
    };
    const auto ending = co_await subject.run(part(closable));
    must(!closable.is_open(), "it is closed");
    seen.waited += ending.completed();
}

task<void> close_stream(cancel_subject& subject, facts& seen) {
    stream_pair pair = co_await connected_pair();
    co_await close_cancelled(subject, std::move(pair.client), seen);
    co_await pair.server.close();
}

task<void> close_listener(cancel_subject& subject, facts& seen) {
    co_await close_cancelled(subject, tcp_listener::bind(endpoint::loopback(0)), seen);
}

task<void> sleep_long(cancel_subject& subject) {
    const auto ending = co_await subject.run(sleep(1h));
    must(ending.cancelled(), "it breaks off");
}

task<void> sleep_until_late(cancel_subject& subject) {
    const auto ending = co_await subject.run(sleep_until(this_loop().deadline_after(1h)));
    must(ending.cancelled(), "it breaks off");
}

// A yield is done as soon as it is begun; the next one is refused.
task<void> yield_twice(cancel_subject& subject) {
    auto part = []() -> task<void> {
        co_await yield();
        co_await yield();
        co_await yield();
    };
    const auto ending = co_await subject.run(part());
    must(ending.cancelled(), "it breaks off");
}

// Ends in its own time.
task<int> stubborn() {
    cancel_scope scope(time_point::max(), shielding::shielded);
    auto nap = []() -> task<void> { co_await sleep(1ms); };
    co_await scope.run(nap());
    co_return 7;
}

task<int> join(task_handle<int>& handle) { co_return co_await handle; }

task<int> sleep_for_ever(task_handle<int>&) {
    co_await sleep(24h);
    co_return 0;
}

task<void> join_it(cancel_subject& subject) {
    task_handle<int> handle = create_task(stubborn());
    co_await yield();
    auto ending = co_await subject.run(join(handle));
    must(ending.completed() && ending.value() == 7, "it is waited for");
}

task<void> watch_it(cancel_subject& subject) {
    auto nap = []() -> task<int> {
        co_await sleep(30ms);
        co_return 7;
    };
    task_handle<int> handle = create_task(nap());
    static_cast<void>(co_await subject.run(handle.wait()));
    const int result = co_await handle;
    must(result == 7, "the task is not disturbed");
}

// What is made of other awaitables is as they are.
template <class Wrap>
std::string inherited_if(Wrap wrap) {
    const auto class_with = [wrap](task<int> (*inner)(task_handle<int>&)) {
        return class_of(observe([=](cancel_subject& subject, facts&) -> task<void> {
            task_handle<int> handle = create_task(stubborn());
            co_await yield();
            must_not_fail(co_await subject.run(wrap(inner(handle))));
            co_await handle.wait();
        }));
    };
    const std::string broken_off = class_with(sleep_for_ever);
    const std::string waited_for = class_with(join);
    if (broken_off == "lossless" && waited_for == "deferred") return "inherited";
    return "like " + broken_off + " and " + waited_for;
}

std::vector<task<int>> vector_of(task<int> t) {
    std::vector<task<int>> tasks;
    tasks.push_back(std::move(t));
    return tasks;
}

class file_probes {
public:
    file_probes() { async::run(write_file(path_, text_)); }

    // `part` works on an open file, and after a cancellation again.
    template <class Part>
    std::string on_file(Part part) {
        return class_of(observe_work([this, part](cancel_subject& subject, facts&) -> task<void> {
            file f = co_await file::open(path_, open_mode::read_write);
            must_not_fail(co_await subject.run(part(f)));
            static_cast<void>(co_await part(f));
            co_await f.close();
        }));
    }

    template <class Part>
    std::string on_path(facts (*look)(const observed_scenario&), Part part) {
        return class_of(look([this, part](cancel_subject& subject, facts&) -> task<void> {
            must_not_fail(co_await subject.run(part(path_)));
            static_cast<void>(co_await part(path_));
        }));
    }

    std::string close() {
        return class_of(observe([this](cancel_subject& subject, facts& seen) -> task<void> {
            file f = co_await file::open(path_);
            co_await close_cancelled(subject, std::move(f), seen);
        }));
    }

    std::span<std::byte> room() { return std::as_writable_bytes(std::span(room_)); }
    const std::string& text() const { return text_; }

private:
    const temporary_directory directory_;
    const std::string path_ = directory_ / "file";
    const std::string text_ = pattern(1 << 20);
    std::string room_ = std::string(1 << 20, '.');
};

task<int> run_in_scope(task<int> t) {
    cancel_scope scope;
    const auto got = co_await scope.run(std::move(t));
    co_return got.value_or(0);
}

// as_result takes operations only: one that waits for a peer, one that waits for the disk.
std::string class_of_results(file_probes& files) {
    const std::string broken_off = lossless_if([](cancel_subject& subject) -> task<void> {
        stream_pair pair = co_await connected_pair();
        static_cast<void>(co_await subject.run(as_result(pair.server.read())));
        co_await pair.client.close();
        co_await pair.server.close();
    });
    const std::string waited_for = files.on_file([&](file& f) { return as_result(f.sync()); });
    if (broken_off == "lossless" && waited_for == "deferred") return "inherited";
    return "like " + broken_off + " and " + waited_for;
}

// What only a simulated world has is looked at in one.
std::string on_a_machine(std::string (*look)()) {
    const environment_variable engine("LIBASYNC_ENGINE", "sim");
    return look();
}

task<int> run_on_host(task<int> t) { return sim::on_host("10.0.0.2", std::move(t)); }

// Time by hand, while this lives.
class clock_by_hand {
public:
    clock_by_hand() : engine_(detail::require_sim("clock_by_hand")) { engine_.hold_clock_at(engine_.world().now()); }
    clock_by_hand(const clock_by_hand&) = delete;
    clock_by_hand& operator=(const clock_by_hand&) = delete;
    ~clock_by_hand() { engine_.hold_clock_at(time_point::max()); }

private:
    io::sim_engine& engine_;
};

// Somebody sleeps half an hour, so an hour has not passed yet when this is cancelled.
task<void> advance_clock(cancel_subject& subject) {
    const clock_by_hand clock;
    auto interrupt = [](bool& over) -> task<void> {
        co_await sleep(30min);
        over = true;
    };
    bool over = false;
    auto sleeper = create_task(interrupt(over));
    const time_point begin = this_loop().now();
    const auto ending = co_await subject.run(async::testing::advance(1h));
    must(ending.cancelled(), "it breaks off");
    must(this_loop().now() < begin + 1h, "time stops where it has come");
    co_await async::testing::advance(begin + 1h - this_loop().now());
    must(over && this_loop().now() >= begin + 1h, "the rest of the time may be made up for");
    co_await sleeper.wait();
}

// There is always somebody who is not blocked.
task<void> wait_for_rest(cancel_subject& subject) {
    bool stop = false;
    auto restless = [](const bool& stop) -> task<void> {
        while (!stop) co_await yield();
    };
    auto other = create_task(restless(stop));
    const auto ending = co_await subject.run(async::testing::wait_all_tasks_blocked());
    must(ending.cancelled(), "it breaks off");
    stop = true;
    co_await async::testing::wait_all_tasks_blocked();
    must(other.done(), "it may be repeated");
}

task<void> await_turn(cancel_subject& subject, facts& seen) {
    async::testing::sequencer order;
    auto part = [](async::testing::sequencer& order) -> task<void> { auto turn = co_await order.at(1); };
    const auto ending = co_await subject.run(part(order));
    must(ending.cancelled(), "it breaks off");
    try {
        auto first = co_await order.at(0);
    } catch (const std::runtime_error&) {
        ++seen.half_done;
    }
}

// Waits, is cancelled, and then is given what it waited for.
template <class Wait, class Give>
std::string lossless_if_repeated(Wait wait, Give give) {
    return class_of(observe([=](cancel_subject& subject, facts&) -> task<void> {
        const auto ending = co_await subject.run(wait());
        must(ending.cancelled(), "there is nothing yet");
        auto again = create_task(wait());
        for (int i = 0; i < 5; ++i) co_await yield();
        must(!again.done(), "there is still nothing");
        give();
        co_await again;
    }));
}

std::string class_of_lock(task<void> (*acquire)(lock&)) {
    lock door;
    return lossless_if_repeated(
        [&door, acquire] {
            static_cast<void>(door.try_acquire());
            return acquire(door);
        },
        [&door] { door.release(); });
}

std::string class_of_semaphore(task<void> (*acquire)(semaphore&)) {
    semaphore permits(0);
    return lossless_if_repeated(
        [&permits, acquire] {
            while (permits.try_acquire()) {
            }
            return acquire(permits);
        },
        [&permits] { permits.release(); });
}

template <class Object>
task<void> acquire_it(Object& o) {
    co_await o.acquire();
}

template <class Object>
task<void> hold_it(Object& o) {
    const auto guard = co_await o.scoped();
}

task<void> wait_for_event(event& e) {
    e.clear();
    co_await e.wait();
}

task<void> wait_for_notification(condition& c) {
    const auto guard = co_await c.scoped();
    co_await c.wait();
}

task<void> wait_until(condition& c, const bool& flag) {
    const auto guard = co_await c.scoped();
    co_await c.wait_for([&flag] { return flag; });
}

void notify(condition& c) {
    must(!c.locked(), "those who wait do not hold the lock");
    static_cast<void>(c.try_acquire());
    c.notify_all();
    c.release();
}

std::string class_of_condition() {
    condition c;
    return lossless_if_repeated([&c] { return wait_for_notification(c); }, [&c] { notify(c); });
}

std::string class_of_condition_with_predicate() {
    condition c;
    bool flag = false;
    return lossless_if_repeated(
        [&c, &flag] {
            flag = false;
            return wait_until(c, flag);
        },
        [&c, &flag] {
            flag = true;
            notify(c);
        });
}

std::string class_of_condition_lock(task<void> (*acquire)(condition&)) {
    condition c;
    return lossless_if_repeated(
        [&c, acquire] {
            static_cast<void>(c.try_acquire());
            return acquire(c);
        },
        [&c] { c.release(); });
}

task<void> meet(barrier& b) { static_cast<void>(co_await b.wait()); }

std::string class_of_barrier() {
    barrier b(2);
    return class_of(observe([&b](cancel_subject& subject, facts&) -> task<void> {
        const auto ending = co_await subject.run(meet(b));
        must(ending.cancelled(), "it is alone");
        must(b.n_waiting() == 0, "it has not come");
        co_await gather(meet(b), meet(b));
    }));
}

std::string class_of_put() {
    async::queue<int> q(1);
    return lossless_if_repeated(
        [&q] {
            if (!q.full()) q.put_nowait(0);
            return [](async::queue<int>& q) -> task<void> { co_await q.put(1); }(q);
        },
        [&q] {
            static_cast<void>(q.get_nowait());
            must(q.qsize() == 1, "the one that was not cancelled is let in");
        });
}

std::string class_of_get() {
    async::queue<int> q;
    return lossless_if_repeated(
        [&q] {
            return [](async::queue<int>& q) -> task<void> {
                const int got = co_await q.get();
                must(got == 7, "what was put is got");
            }(q);
        },
        [&q] { q.put_nowait(7); });
}

std::string class_of_send() {
    channel<int> c(0);
    return lossless_if_repeated([&c] { return [](channel<int>& c) -> task<void> { co_await c.sender.send(1); }(c); },
                                [&c] { must(c.receiver.try_receive() == 1 && !c.receiver.try_receive(), "one is sent"); });
}

std::string class_of_receive() {
    channel<int> c(0);
    return lossless_if_repeated(
        [&c] {
            return [](channel<int>& c) -> task<void> {
                const auto got = co_await c.receiver.receive();
                must(got == 7, "what was sent is received");
            }(c);
        },
        [&c] { must(c.sender.try_send(7) && !c.sender.try_send(8), "one receives"); });
}

std::string class_of_join() {
    async::queue<int> q;
    return lossless_if_repeated(
        [&q] {
            if (q.empty()) q.put_nowait(1);
            return [](async::queue<int>& q) -> task<void> { co_await q.join(); }(q);
        },
        [&q] {
            static_cast<void>(q.get_nowait());
            q.task_done();
        });
}

// Stops at the first pair, which `t` is waited for.
task<int> check_streams_made_by(task<int> t) {
    struct made {};
    auto make = [&t]() -> task<stream_pair> {
        static_cast<void>(co_await std::move(t));
        throw made();
    };
    try {
        co_await async::testing::check_stream(make);
    } catch (const made&) {
    }
    co_return 7;
}

using probe = std::function<std::string()>;

std::map<std::string, probe> probes(file_probes& files) {
    return {
        {"yield", [] { return lossless_if(yield_twice); }},
        {"sleep", [] { return lossless_if(sleep_long); }},
        {"sleep_until", [] { return lossless_if(sleep_until_late); }},
        {"task::operator co_await", [] { return inherited_if([](task<int> t) { return t; }); }},
        {"task_handle::operator co_await", [] { return lossless_if(join_it); }},
        {"task_handle::wait", [] { return lossless_if(watch_it); }},
        {"gather", [] { return inherited_if([](task<int> t) { return gather(std::move(t)); }); }},
        {"gather#2", [] { return inherited_if([](task<int> t) { return gather(vector_of(std::move(t))); }); }},
        {"timeout", [] { return inherited_if([](task<int> t) { return timeout(1h, std::move(t)); }); }},
        {"timeout_at",
         [] { return inherited_if([](task<int> t) { return timeout_at(time_point::max(), std::move(t)); }); }},
        {"move_on_after", [] { return inherited_if([](task<int> t) { return move_on_after(1h, std::move(t)); }); }},
        {"move_on_at",
         [] { return inherited_if([](task<int> t) { return move_on_at(time_point::max(), std::move(t)); }); }},
        {"cancel_scope::run", [] { return inherited_if([](task<int> t) { return run_in_scope(std::move(t)); }); }},
        {"on_host", [] { return on_a_machine([] { return inherited_if(run_on_host); }); }},
        {"advance", [] { return on_a_machine([] { return lossless_if(advance_clock); }); }},
        {"wait_all_tasks_blocked", [] { return lossless_if(wait_for_rest); }},
        {"sequencer::at", [] { return class_of(observe(await_turn)); }},
        {"check_stream", [] { return inherited_if(check_streams_made_by); }},
        {"lock::acquire", [] { return class_of_lock(acquire_it<lock>); }},
        {"lock::scoped", [] { return class_of_lock(hold_it<lock>); }},
        {"semaphore::acquire", [] { return class_of_semaphore(acquire_it<semaphore>); }},
        {"semaphore::scoped", [] { return class_of_semaphore(hold_it<semaphore>); }},
        {"event::wait",
         [] {
             event e;
             return lossless_if_repeated([&e] { return wait_for_event(e); }, [&e] { e.set(); });
         }},
        {"condition::acquire", [] { return class_of_condition_lock(acquire_it<condition>); }},
        {"condition::scoped", [] { return class_of_condition_lock(hold_it<condition>); }},
        {"condition::wait", [] { return class_of_condition(); }},
        {"condition::wait_for", [] { return class_of_condition_with_predicate(); }},
        {"barrier::wait", [] { return class_of_barrier(); }},
        {"queue::put", [] { return class_of_put(); }},
        {"queue::get", [] { return class_of_get(); }},
        {"channel_sender::send", [] { return class_of_send(); }},
        {"channel_receiver::receive", [] { return class_of_receive(); }},
        {"queue::join", [] { return class_of_join(); }},
        {"as_result", [&files] { return class_of_results(files); }},
        {"connect", [] { return lossless_if(connect_1); }},
        {"tcp_stream::connect", [] { return lossless_if(connect_2); }},
        {"tcp_stream::read", [] { return lossless_if(read_chunk); }},
        {"tcp_stream::read_some", [] { return lossless_if(read_some); }},
        {"tcp_stream::write", [] { return class_of(observe(write_to_deaf)); }},
        {"tcp_stream::shutdown_write", [] { return lossless_if(shut_down); }},
        {"tcp_stream::close", [] { return class_of(observe(close_stream)); }},
        {"tcp_listener::accept", [] { return lossless_if(accept); }},
        {"tcp_listener::close", [] { return class_of(observe(close_listener)); }},
        {"file::open",
         [&files] { return files.on_path(observe_work, [](const std::string& path) { return file::open(path); }); }},
        {"file::read_at", [&files] { return files.on_file([&](file& f) { return f.read_at(files.room(), 0); }); }},
        {"file::write_at", [&files] { return files.on_file([&](file& f) { return f.write_at(files.text(), 0); }); }},
        {"file::size", [&files] { return files.on_file([](file& f) { return f.size(); }); }},
        {"file::sync", [&files] { return files.on_file([](file& f) { return f.sync(); }); }},
        {"file::close", [&files] { return files.close(); }},
        {"read_file",
         [&files] { return files.on_path(observe_each, [](const std::string& path) { return read_file(path); }); }},
        {"write_file",
         [&files] {
             return files.on_path(observe_each,
                                  [&](const std::string& path) { return write_file(path, files.text()); });
         }},
    };
}

}  // namespace

TEST_CASE("the cancel class that the comment of each awaitable states is the one that it has") {
    file_probes files;
    auto table = probes(files);
    for (const documented_awaitable& a : header_reader::read(LIBASYNC_SOURCE_DIR "/libasync")) {
        CAPTURE(a.name);
        CHECK_MESSAGE(!a.cancel_class.empty(), "no cancel class is stated");
        const auto entry = table.find(a.name);
        CHECK_MESSAGE(entry != table.end(), "this test does not know it");
        if (entry == table.end()) continue;
        const std::string derived = entry->second();
        table.erase(entry);
        if (derived == "never waits") {
            MESSAGE(a.name << " never waits on this engine: nothing to compare with " << a.cancel_class);
        } else {
            CHECK(derived == a.cancel_class);
        }
    }
    for (const auto& [name, unused] : table) CHECK_MESSAGE(false, name << " is not found in the headers");
}

TEST_CASE("the reader of headers finds what is public and gives something to await") {
    std::istringstream text(R"(
namespace detail {
task<void> inner();
}  // namespace detail

// Cancel class: lossless.
template <class T>
detail::some_description free_function(T t) noexcept { return {}; }

class [[nodiscard("x")]] thing {
public:
    // Does it. Cancel class: poisoning, if
    // half done.
    auto first() noexcept { return detail::description(); }

    task<void> undocumented();

    // Cancel class: that of `t`.
    static task<int> first(int t);
    detail::block* no_awaitable() const;
    auto operator co_await() & = delete;

private:
    task<void> hidden();
};
)");
    const auto found = header_reader::read_text(text);
    REQUIRE(found.size() == 4);
    CHECK(found[0].name == "free_function");
    CHECK(found[0].cancel_class == "lossless");
    CHECK(found[1].name == "thing::first");
    CHECK(found[1].cancel_class == "poisoning");
    CHECK(found[2].name == "thing::undocumented");
    CHECK(found[2].cancel_class.empty());
    CHECK(found[3].name == "thing::first#2");
    CHECK(found[3].cancel_class == "inherited");
}
