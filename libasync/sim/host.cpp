#include <libasync/sim/host.hpp>

#include <utility>

#include <libasync/coro/control_block.hpp>
#include <libasync/io/sim/sim_engine.hpp>

namespace async::inline v0 {

namespace detail {

io::sim::host_id require_host(const char* operation, std::string_view address) {
    return require_sim(operation).world().net.host_named(endpoint(address, 0));
}

namespace {

task_context& current_context() {
    loop_core& core = require_core("sim::on_host");
    return core.current ? *core.current : core.tasks->outside;
}

}  // namespace

host_entry::host_entry(io::sim::host_id host)
    : context_(current_context()),
      before_(std::exchange(context_.host, host)) {}

}  // namespace detail

namespace sim {

namespace {

io::sim::network& network_of(const char* operation) { return detail::require_sim(operation).world().net; }

}  // namespace

void partition(std::string_view a, std::string_view b) {
    constexpr const char* operation = "sim::partition";
    network_of(operation).cut(detail::require_host(operation, a), detail::require_host(operation, b));
}

void heal(std::string_view a, std::string_view b) {
    constexpr const char* operation = "sim::heal";
    network_of(operation).heal(detail::require_host(operation, a), detail::require_host(operation, b));
}

void isolate(std::string_view host) {
    constexpr const char* operation = "sim::isolate";
    network_of(operation).isolate(detail::require_host(operation, host));
}

void rejoin(std::string_view host) {
    constexpr const char* operation = "sim::rejoin";
    network_of(operation).rejoin(detail::require_host(operation, host));
}

void heal_all() { network_of("sim::heal_all").heal_all(); }

void set_link(std::string_view a, std::string_view b, const link_options& link) {
    constexpr const char* operation = "sim::set_link";
    io::sim::network::check(link);
    network_of(operation).set_link(detail::require_host(operation, a), detail::require_host(operation, b), link);
}

}  // namespace sim

}  // namespace async::inline v0
