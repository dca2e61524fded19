// The machines of a simulated world. A task runs on the machine of the task that started it; what a callback starts, and
// main itself, on 10.0.0.1. Each machine has its own loopback addresses and ports.
//
//   async::create_task(async::sim::on_host("10.0.0.2", server()));
//   async::sim::partition("10.0.0.1", "10.0.0.2");
//   co_await async::sleep(3h);
//   async::sim::heal("10.0.0.1", "10.0.0.2");
//
// All of these throw std::logic_error outside a simulated loop, and std::invalid_argument, with the text, for an address
// that is none.
#pragma once

#include <string_view>

#include <libasync/coro/task.hpp>
#include <libasync/sim/simulation.hpp>

namespace async::inline v0 {

namespace sim {

// Two machines lose each other: what is sent waits for better times, or until TCP gives up.
void partition(std::string_view a, std::string_view b);
void heal(std::string_view a, std::string_view b);
// One loses all others.
void isolate(std::string_view host);
void rejoin(std::string_view host);
// Undoes all of it.
void heal_all();

// How two machines reach each other from now on.
void set_link(std::string_view a, std::string_view b, const link_options& link);

}  // namespace sim

namespace detail {

io::sim::host_id require_host(const char* operation, std::string_view address);

// Has the current task run on a machine, as long as it lives.
class host_entry {
public:
    explicit host_entry(io::sim::host_id host);
    host_entry(const host_entry&) = delete;
    host_entry& operator=(const host_entry&) = delete;
    ~host_entry() { context_.host = before_; }

private:
    task_context& context_;
    io::sim::host_id before_;
};

template <class T>
task<T> run_on_host(io::sim::host_id host, task<T> inner) {
    const host_entry entered(host);
    co_return co_await std::move(inner);
}

}  // namespace detail

namespace sim {

// Runs `inner`, and what it starts, on the machine of that address. Cancel class: inherited.
template <class T>
task<T> on_host(std::string_view address, task<T> inner) {
    return detail::run_on_host(detail::require_host("sim::on_host", address), std::move(inner));
}

}  // namespace sim

}  // namespace async::inline v0
