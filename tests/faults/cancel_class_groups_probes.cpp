// The cancel classes of what runs several tasks, shields one, or waits for some, derived.
#include <vector>

#include <tests/support/cancel_class_probes.hpp>

using namespace async_tests;

namespace {

std::vector<task<int>> vector_of(task<int> t) {
    std::vector<task<int>> tasks;
    tasks.push_back(std::move(t));
    return tasks;
}

task<int> settle_one(task<int> t) {
    auto [only] = co_await gather_settled(std::move(t));
    co_return only.value();
}

task<int> settle_vector(task<int> t) {
    auto outcomes = co_await gather_settled(vector_of(std::move(t)));
    co_return outcomes[0].value();
}

task<int> race_one(task<int> t) {
    const auto first = co_await race(std::move(t));
    co_return std::get<0>(first);
}

task<int> race_vector(task<int> t) {
    const auto first = co_await race(vector_of(std::move(t)));
    co_return first.value;
}

task<int> in_group(task<int> t) {
    co_return co_await with_task_group([&t](task_group&) -> task<int> { co_return co_await std::move(t); });
}

task<void> ready_after(task_status<int> status, task<int> t) {
    const int value = co_await std::move(t);
    status.started(value);
}

task<int> ready_in_group(task<int> t) {
    co_return co_await with_task_group(
        [&t](task_group& group) -> task<int> { co_return co_await group.start_ready(ready_after, std::move(t)); });
}

// It comes to its end by itself, and is waited for.
template <class Shield>
std::string deferred_if(Shield shield_it) {
    return class_of(observe([=](cancel_subject& subject, facts&) -> task<void> {
        auto nap = []() -> task<int> {
            co_await sleep(1ms);
            co_return 7;
        };
        auto ending = co_await subject.run(shield_it(nap()));
        must(ending.completed() && ending.value() == 7, "it is waited for");
    }));
}

// The tasks are left alone, and waiting for them may be repeated.
template <class Wait>
std::string class_of_wait(Wait wait_for_it) {
    return class_of(observe([=](cancel_subject& subject, facts&) -> task<void> {
        auto nap = []() -> task<int> {
            co_await sleep(30ms);
            co_return 7;
        };
        std::vector<task_handle<int>> handles;
        handles.push_back(create_task(nap()));
        static_cast<void>(co_await subject.run(wait_for_it(handles)));
        const auto result = co_await wait_for_it(handles);
        must(result.done.size() == 1, "it may be repeated");
        const int value = co_await handles[0];
        must(value == 7, "the task is not disturbed");
    }));
}

std::string class_of_select() {
    channel<int> c(0);
    event e;
    return lossless_if_repeated(
        [&c, &e] {
            return [](channel<int>& c, event& e) -> task<void> {
                auto got = co_await select(e.wait(), c.receiver.receive());
                must(got.index() == 1 && std::get<1>(got) == 7, "what was sent is received");
            }(c, e);
        },
        [&c] { must(c.sender.try_send(7) && !c.sender.try_send(8), "one receives"); });
}

using handles = std::vector<task_handle<int>>;

const cancel_class_probes of_groups{
    {"gather_settled", [] { return inherited_if(settle_one); }},
    {"gather_settled#2", [] { return inherited_if(settle_vector); }},
    {"race", [] { return inherited_if(race_one); }},
    {"race#2", [] { return inherited_if(race_vector); }},
    {"with_task_group", [] { return inherited_if(in_group); }},
    {"task_group::start_ready", [] { return inherited_if(ready_in_group); }},
    {"wait_for", [] { return inherited_if([](task<int> t) { return wait_for(std::move(t), 1h); }); }},
    {"finally", [] { return inherited_if([](task<int> t) { return finally(std::move(t), yield()); }); }},
    {"finally#2", [] { return inherited_if([](task<int> t) { return finally(std::move(t), yield(), 1h); }); }},
    {"shield", [] { return deferred_if([](task<int> t) { return shield(std::move(t)); }); }},
    {"shield#2", [] { return deferred_if([](task<int> t) { return shield(std::move(t), 1h); }); }},
    {"wait", [] { return class_of_wait([](handles& h) { return async::wait(h); }); }},
    {"wait#2", [] { return class_of_wait([](handles& h) { return async::wait(h, when::all_completed, 1h); }); }},
    {"select", [] { return class_of_select(); }},
};

}  // namespace
