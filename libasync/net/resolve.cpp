#include <libasync/net/resolve.hpp>

#include <charconv>
#include <new>
#include <optional>
#include <stdexcept>

#include <libasync/coro/leaf.hpp>
#include <libasync/io/look_up.hpp>
#include <libasync/net/host_text.hpp>

namespace async::inline v0 {

resolve_error::resolve_error(std::error_code code, const std::string& what) : std::system_error(code, what) {}
resolve_error::~resolve_error() = default;

namespace detail {

std::string printable(std::string_view text) {
    constexpr std::size_t most = 256;
    std::string clean(text.substr(0, most));
    for (char& c : clean) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
    }
    if (text.size() > most) clean += "...";
    return clean;
}

std::string describe_host(std::string_view host, std::string_view service) {
    const bool bare_ipv6 = host.find(':') != host.npos && host.front() != '[';
    std::string text = bare_ipv6 ? '[' + printable(host) + ']' : printable(host);
    if (!service.empty()) text.append(":").append(printable(service));
    return text;
}

}  // namespace detail

namespace {

using io::look_up;
using io::look_up_ptr;
using io::name_families;
using io::name_query;

constexpr std::size_t longest_name = 1023;  // NI_MAXHOST of getnameinfo(3), without the zero

// On the loop, once the answer is there: those who wait go on in the next turn.
bool tell_waiters(detail::ready_node* node) noexcept {
    const look_up_ptr l(static_cast<look_up*>(node));
    detail::loop_core& core = *detail::this_core;
    core.engine->names().answered(*l, core.now());
    core.ready.splice_back(l->waiters);
    return false;
}

// What is asked, and then who answers it. Stays in the frame of the coroutine.
struct inquiry {
    const name_query query;
    const resolve_options& options;
    look_up_ptr asked = {};

    const io::name_answer& answer() const noexcept { return asked->answer; }
};

// The look-up begins when the task waits for it, and not in a scope that is cancelled.
class answer_awaiter : detail::leaf {
public:
    explicit answer_awaiter(inquiry& q) noexcept : leaf(&answer_awaiter::stop), inquiry_(q) {}
    ~answer_awaiter() { stop_waiting(); }

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        if (!enter(h, node_)) return true;
        io::name_book& names = core().engine->names();
        inquiry_.asked = names.find(inquiry_.query, core().now(), inquiry_.options.max_age, &tell_waiters);
        if (!inquiry_.asked->told) {
            inquiry_.asked->waiters.push_back(node_);
            waits_ = true;
        } else if (core().may_continue_in_place()) {
            return false;
        } else {
            core().ready.push_back(node_);
        }
        wait();
        return true;
    }

    void await_resume() {
        waits_ = false;
        leave();
        if (stopped_) cancelled_access::raise();
    }

private:
    // A look-up that nobody waits for any more may not have begun.
    void stop_waiting() noexcept {
        node_.unlink_if_linked();
        if (!std::exchange(waits_, false)) return;
        look_up& l = *inquiry_.asked;
        if (!l.told && l.waiters.empty()) core().engine->names().nobody_waits(l);
    }

    static void stop(leaf& l) noexcept {
        auto& self = static_cast<answer_awaiter&>(l);
        if (!self.waits_ || self.inquiry_.asked->told) return;
        self.stop_waiting();
        self.stopped_ = true;
        self.core().ready.push_back(self.node_);
    }

    inquiry& inquiry_;
    detail::ready_node node_;
    bool waits_ = false;
    bool stopped_ = false;
};

struct answer_description {
    using async_native = void;
    inquiry* asked;
    auto operator co_await() const noexcept { return answer_awaiter(*asked); }
};

struct question {
    std::string host;
    std::string service;      // as it was given, for messages
    std::optional<int> port;  // if it is known
    resolve_options options;

    std::string what() const { return "resolve " + detail::describe_host(host, service); }
};

[[noreturn]] void fail(std::error_code code, const std::string& what) {
    if (code == std::errc::not_enough_memory) throw std::bad_alloc();
    throw resolve_error(code, what);
}

// Digits are a port; else nothing. More than a port can be is an unknown service.
std::optional<int> port_of(const std::string& service, const question& q) {
    if (service.empty() || service.find_first_not_of("0123456789") != service.npos) return std::nullopt;
    int port = 0;
    const auto [end, error] = std::from_chars(service.data(), service.data() + service.size(), port);
    if (error != std::errc() || port > 65535) fail(resolve_errc::unknown_service, q.what());
    return port;
}

name_families wanted(resolve_families f) noexcept {
    switch (f) {
        case resolve_families::ipv4: return name_families::ipv4;
        case resolve_families::ipv6: return name_families::ipv6;
        default: return name_families::any;
    }
}

bool is_valid(std::string_view text) noexcept {
    return !text.empty() && text.size() <= longest_name && text.find('\0') == text.npos;
}

// A name begins with a letter or a digit (RFC 6335, section 5.1); what the system makes of " +80" or "-1" is a port.
bool is_valid_service(std::string_view text) noexcept {
    const auto within = [c = text.empty() ? '\0' : text.front()](char first, char last) {
        return c >= first && c <= last;
    };
    return is_valid(text) && (within('a', 'z') || within('A', 'Z') || within('0', '9'));
}

std::optional<std::vector<endpoint>> literal(const question& q) {
    const std::optional<endpoint> e = endpoint::parse(q.host, static_cast<std::uint16_t>(q.port.value_or(0)));
    if (!e) return std::nullopt;
    const resolve_families f = q.options.families;
    const bool excluded = (f == resolve_families::ipv4 && e->family() != address_family::ipv4) ||
                          (f == resolve_families::ipv6 && e->family() != address_family::ipv6);
    if (excluded) fail(resolve_errc::no_address, q.what());
    return std::vector<endpoint>(1, *e);
}

// The addresses with their port, in the order that is preferred.
std::vector<endpoint> arranged(const std::vector<endpoint>& found, const question& q) {
    const resolve_families f = q.options.families;
    const address_family first = f == resolve_families::ipv6_first ? address_family::ipv6 : address_family::ipv4;
    const bool in_turn = f == resolve_families::ipv4_first || f == resolve_families::ipv6_first;
    std::vector<endpoint> all;
    all.reserve(found.size());
    const auto append = [&](const endpoint& e) {
        const int port = q.port.value_or(e.port());
        all.push_back(endpoint::from_bytes(e.family(), e.bytes(), static_cast<std::uint16_t>(port), e.scope()));
    };
    for (const endpoint& e : found) {
        if (!in_turn || e.family() == first) append(e);
    }
    for (const endpoint& e : found) {
        if (in_turn && e.family() != first) append(e);
    }
    return all;
}

// Asks, and throws if there is no answer.
task<void> ask(inquiry& i, std::string what) {
    try {
        co_await answer_description{&i};
    } catch (const std::system_error& e) {
        throw resolve_error(e.code(), what);
    }
    if (i.answer().error) fail(i.answer().error, what);
}

task<std::vector<endpoint>> resolve_question(question q) {
    if (!q.port) q.port = port_of(q.service, q);
    const bool named_service = !q.port && !q.service.empty();
    if (!is_valid(q.host)) fail(resolve_errc::invalid_name, q.what());
    if (named_service && !is_valid_service(q.service)) fail(resolve_errc::unknown_service, q.what());
    if (!named_service) {
        if (auto known = literal(q)) co_return std::move(*known);
    }
    inquiry i{{q.host, named_service ? q.service : std::string(), wanted(q.options.families)}, q.options};
    co_await ask(i, q.what());
    co_return arranged(i.answer().addresses, q);
}

task<resolved_name> resolve_address(endpoint where, resolve_options options) {
    inquiry i{{{}, {}, name_families::any, true, where}, options};
    co_await ask(i, "resolve the name of " + where.to_string());
    resolved_name name;
    name.host = i.answer().host;
    name.service = i.answer().service;
    co_return name;
}

}  // namespace

task<std::vector<endpoint>> resolve(std::string_view host, int port, const resolve_options& options) {
    if (port < 0 || port > 65535) throw std::invalid_argument("resolve: " + std::to_string(port) + " is no port");
    return resolve_question({std::string(host), std::to_string(port), port, options});
}

task<std::vector<endpoint>> resolve(std::string_view host, std::string_view service, const resolve_options& options) {
    return resolve_question({std::string(host), std::string(service), std::nullopt, options});
}

task<resolved_name> resolve_name(endpoint where, const resolve_options& options) {
    return resolve_address(where, options);
}

void forget_resolved() { detail::require_core("forget_resolved").engine->names().forget_answers(); }

}  // namespace async::inline v0
