#include <libasync/net/connect.hpp>

#include <stdexcept>
#include <utility>

#include <libasync/coro/timeout.hpp>
#include <libasync/net/connection_race.hpp>
#include <libasync/net/host_text.hpp>

namespace async::inline v0 {

namespace {

constexpr std::size_t most_attempts = 64;

// The message of the last failure is appended by std::system_error.
std::string message(const std::string& what, const std::vector<connect_failure>& failures) {
    std::string text = what;
    const connect_failure& last = failures.back();
    if (failures.size() == 1 && text.ends_with(' ' + last.address.to_string())) return text;
    const char* before = ": tried ";
    for (const connect_failure& f : failures) {
        text += std::exchange(before, "; ") + f.address.to_string();
        if (&f != &last) text += ": " + f.error.message();
    }
    return text;
}

bool includes(resolve_families families, address_family family) noexcept {
    if (families == resolve_families::ipv4) return family == address_family::ipv4;
    if (families == resolve_families::ipv6) return family == address_family::ipv6;
    return true;
}

resolve_options options_to_resolve(const connect_options& options) {
    if (!options.local) return {options.families, options.max_age};
    const address_family family = options.local->family();
    if (!includes(options.families, family)) {
        throw std::invalid_argument("connect: " + options.local->to_string() + " is of a family that is not wanted");
    }
    return {family == address_family::ipv4 ? resolve_families::ipv4 : resolve_families::ipv6, options.max_age};
}

// The families take turns, that of the first address first (RFC 8305, section 4).
std::vector<endpoint> interleaved(const std::vector<endpoint>& addresses) {
    std::vector<endpoint> all;
    all.reserve(addresses.size());
    const auto is_first = [&](const endpoint& e) { return e.family() == addresses.front().family(); };
    auto first = addresses.begin();
    auto second = addresses.begin();
    while (all.size() < addresses.size()) {
        while (first != addresses.end() && !is_first(*first)) ++first;
        if (first != addresses.end()) all.push_back(*first++);
        while (second != addresses.end() && is_first(*second)) ++second;
        if (second != addresses.end()) all.push_back(*second++);
    }
    if (all.size() > most_attempts) all.resize(most_attempts);
    return all;
}

task<tcp_stream> attempt(endpoint to, connect_options options) {
    task<tcp_stream> connecting = options.local ? tcp_stream::connect_from(*options.local, to, options.tcp)
                                                : tcp_stream::connect(to, options.tcp);
    if (options.attempt_timeout <= std::chrono::nanoseconds::zero()) co_return co_await std::move(connecting);
    std::optional<tcp_stream> connected = co_await move_on_after(options.attempt_timeout, std::move(connecting));
    if (!connected) {
        throw std::system_error(std::make_error_code(std::errc::timed_out), "connect to " + to.to_string());
    }
    co_return std::move(*connected);
}

task<tcp_stream> attempt_one(std::string what, endpoint to, connect_options options) {
    std::error_code failure;
    try {
        co_return co_await attempt(to, options);
    } catch (const std::system_error& e) {
        failure = e.code();
    }
    throw connect_error(what, {{to, failure}});
}

task<void> start_attempts(detail::connection_race& race, const std::vector<endpoint>& addresses,
                          connect_options options) {
    loop& here = this_loop();
    for (const endpoint& to : addresses) {
        race.start(to, attempt(to, options));
        if (&to == &addresses.back()) break;
        co_await race.pause(here.deadline_after(options.attempt_delay));
        if (race.decided()) break;
    }
}

task<tcp_stream> connect_to_first(std::string what, std::vector<endpoint> addresses, connect_options options) {
    detail::task_context& context = co_await detail::own_context{};
    detail::connection_race race(context, addresses.size());
    try {
        co_await start_attempts(race, addresses, options);
    } catch (...) {
        race.fail(std::current_exception());
    }
    co_await race.end();
    co_return race.take_winner(what);
}

task<tcp_stream> connect_to_all(std::string what, std::vector<endpoint> addresses, connect_options options) {
    addresses = interleaved(addresses);
    if (addresses.size() == 1) return attempt_one(std::move(what), addresses.front(), options);
    return connect_to_first(std::move(what), std::move(addresses), options);
}

task<tcp_stream> connect_to_resolved(std::string what, task<std::vector<endpoint>> resolving, connect_options options) {
    std::vector<endpoint> addresses = co_await std::move(resolving);
    co_return co_await connect_to_all(std::move(what), std::move(addresses), options);
}

std::string connect_to(std::string_view host, std::string_view service) {
    return "connect to " + detail::describe_host(host, service);
}

}  // namespace

connect_error::connect_error(const std::string& what, std::vector<connect_failure> failures)
    : std::system_error(failures.back().error, message(what, failures)),
      failures_(std::make_shared<const std::vector<connect_failure>>(std::move(failures))) {}
connect_error::~connect_error() = default;

std::span<const connect_failure> connect_error::failures() const noexcept { return *failures_; }

task<tcp_stream> connect(std::string_view host, int port, const connect_options& options) {
    return connect_to_resolved(connect_to(host, std::to_string(port)), resolve(host, port, options_to_resolve(options)),
                               options);
}

task<tcp_stream> connect(std::string_view host, std::string_view service, const connect_options& options) {
    return connect_to_resolved(connect_to(host, service), resolve(host, service, options_to_resolve(options)), options);
}

task<tcp_stream> connect_any(std::span<const endpoint> addresses, const connect_options& options) {
    std::vector<endpoint> wanted;
    const resolve_families families = options_to_resolve(options).families;
    for (const endpoint& e : addresses) {
        if (includes(families, e.family())) wanted.push_back(e);
    }
    if (wanted.empty()) throw std::invalid_argument("connect_any: there are no addresses, or none that are wanted");
    const std::string first = wanted.front().to_string();
    const bool alone = wanted.size() == 1;
    return connect_to_all("connect to " + (alone ? first : std::to_string(wanted.size()) + " addresses"),
                          std::move(wanted), options);
}

}  // namespace async::inline v0
