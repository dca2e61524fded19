#include <tests/parity/behaviour.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <tests/parity/divergences.hpp>

namespace parity {

const std::vector<engine_kind>& engines();

namespace {

struct named_error {
    int value;
    const char* name;
};

constexpr named_error system_errors[] = {
    {EACCES, "EACCES"},
    {EADDRINUSE, "EADDRINUSE"},
    {EADDRNOTAVAIL, "EADDRNOTAVAIL"},
    {EBADF, "EBADF"},
    {ECONNABORTED, "ECONNABORTED"},
    {ECONNREFUSED, "ECONNREFUSED"},
    {ECONNRESET, "ECONNRESET"},
    {EEXIST, "EEXIST"},
    {EINVAL, "EINVAL"},
    {EISCONN, "EISCONN"},
    {EISDIR, "EISDIR"},
    {ENAMETOOLONG, "ENAMETOOLONG"},
    {ENOENT, "ENOENT"},
    {ENOTCONN, "ENOTCONN"},
    {ENOTDIR, "ENOTDIR"},
    {ENOTSOCK, "ENOTSOCK"},
    {EPIPE, "EPIPE"},
    {ETIMEDOUT, "ETIMEDOUT"},
};

constexpr named_error library_errors[] = {
    {static_cast<int>(errc::busy), "busy"},
    {static_cast<int>(errc::closed), "closed"},
    {static_cast<int>(errc::broken), "broken"},
    {static_cast<int>(errc::no_loop), "no_loop"},
};

template <std::size_t Count>
std::string name_in(const named_error (&table)[Count], int value) {
    for (const named_error& error : table)
        if (error.value == value) return error.name;
    return std::to_string(value);
}

std::vector<behaviour>& registry() {
    static std::vector<behaviour> all;
    return all;
}

const char* name_of(engine_kind engine) {
    switch (engine) {
        case engine_kind::automatic: break;
        case engine_kind::uring: return "uring";
        case engine_kind::asio: return "asio";
        case engine_kind::sim: return "sim";
    }
    return "?";
}

bool runs(engine_kind engine) {
    try {
        runner r(loop_options{.engine = engine});
        return true;
    } catch (const std::runtime_error& e) {
        std::fprintf(stderr, "not compared: %s\n", e.what());
        return false;
    }
}

std::string text_of(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text.append("  ").append(line).append("\n");
    return text;
}

// A behaviour that waits for ever shows in its trace.
task<void> bounded(const behaviour& b, trace& t) {
    const std::optional<std::monostate> ended = co_await move_on_after(10s, b.body(t));
    if (!ended) t.cut_short("does not end");
}

trace run_on(engine_kind engine, const behaviour& b) {
    trace t(engine);
    try {
        runner r(loop_options{.engine = engine});
        r.run(bounded(b, t));
    } catch (...) {
        t.cut_short("ends by " + describe(std::current_exception()));
    }
    t.end_of_loop();
    return t;
}

// The first engine's lines, with what is listed for `engine` put in their place.
std::vector<std::string> expected_of(const behaviour& b, engine_kind engine, std::vector<std::string> lines) {
    if (engines().front() != engine_kind::uring) return lines;  // the list tells differences from io_uring
    for (const divergence& d : divergences) {
        if (d.engine != engine || std::string_view(d.behaviour) != b.name) continue;
        const auto line = std::find(lines.begin(), lines.end(), d.instead_of);
        INFO("a divergence is listed, but the first engine does not note: " << std::string(d.instead_of));
        CHECK(line != lines.end());
        if (line == lines.end()) continue;
        if (d.line) {
            *line = d.line;
        } else {
            lines.erase(line);
        }
    }
    return lines;
}

}  // namespace

std::string describe(std::error_code code) {
    if (code.category() == std::generic_category()) return "generic:" + name_in(system_errors, code.value());
    if (code.category() == error_category()) return "libasync:" + name_in(library_errors, code.value());
    return std::string(code.category().name()) + ":" + std::to_string(code.value());
}

std::string describe(std::string_view text) {
    constexpr std::size_t longest = 64;
    if (text.size() <= longest) {
        std::string quoted = "\"";
        for (const char c : text) quoted += c == '\0' ? std::string("\\0") : std::string(1, c);
        return quoted + "\"";
    }
    std::uint32_t sum = 2166136261u;  // FNV-1a
    for (const char c : text) sum = (sum ^ static_cast<unsigned char>(c)) * 16777619u;
    return std::to_string(text.size()) + " bytes with the sum " + std::to_string(sum);
}

std::string describe(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const std::system_error& e) {
        return describe(e.code());
    } catch (const timeout_error&) {
        return "timed out";
    } catch (const task_cancelled&) {
        return "the task was cancelled";
    } catch (const std::exception& e) {
        return std::string("exception ") + e.what();
    } catch (const cancelled&) {
        return "cancelled";
    }
}

task<void> read_to_the_end(trace& t, tcp_stream& stream, const std::string& sent) {
    std::string text;
    try {
        for (;;) {
            const chunk data = co_await stream.read();
            if (data.empty()) break;
            text += data.text();
        }
        t.note("reading ends by the end");
    } catch (const std::system_error&) {
        t.note("reading ends by", std::current_exception());
    }
    t.note("something was read", !text.empty());
    t.note("all was read", text.size() == sent.size());
    t.note("as it was sent", sent.compare(0, text.size(), text) == 0);
}

task<std::string> read_text(file& f, std::size_t size, std::uint64_t offset) {
    std::string text(size, '\0');
    const std::size_t count = co_await f.read_at(std::as_writable_bytes(std::span(text)), offset);
    text.resize(count);
    co_return text;
}

task<void> trace::see_task(std::string_view what, task<void> awaited) {
    try {
        co_await std::move(awaited);
        note(std::string(what) + ": done");
    } catch (...) {
        note(what, std::current_exception());
        rethrow_cancellation();
    }
}

void trace::rethrow_cancellation() {
    try {
        throw;
    } catch (const std::exception&) {
    }
}

void trace::end_of_loop() {
    for (const std::function<void()>& action : after_loop_) action();
    after_loop_.clear();
}

behaviour::behaviour(const char* n, body_function* b) : name(n), body(b) { registry().push_back(*this); }

const std::vector<behaviour>& behaviours() { return registry(); }

const std::vector<engine_kind>& engines() {
    static const std::vector<engine_kind> there = [] {
        std::vector<engine_kind> found;
        std::vector<engine_kind> wanted{engine_kind::uring, engine_kind::asio};
#ifndef _WIN32
        wanted.push_back(engine_kind::sim);  // which follows Linux
#endif
        for (const engine_kind engine : wanted)
            if (runs(engine)) found.push_back(engine);
        if (found.size() == 1) std::fprintf(stderr, "not compared: %s is alone here\n", name_of(found.front()));
        return found;
    }();
    return there;
}

void check(const behaviour& b) {
    REQUIRE_FALSE(engines().empty());
    const trace first = run_on(engines().front(), b);
    if (std::getenv("LIBASYNC_PARITY_TRACE")) std::printf("%s\n%s", b.name, text_of(first.lines()).c_str());
    if (!first.excluded().empty()) {
        MESSAGE("not compared: " << first.excluded());
        return;
    }
    INFO(std::string(name_of(engines().front())) << ":\n" << text_of(first.lines()));
    CHECK_FALSE(first.lines().empty());
    CHECK(first.whole());
    for (std::size_t i = 1; i < engines().size(); ++i) {
        const engine_kind engine = engines()[i];
        const trace other = run_on(engine, b);
        const std::vector<std::string> expected = expected_of(b, engine, first.lines());
        INFO("expected, with what is listed:\n" << text_of(expected));
        INFO(std::string(name_of(engine)) << ":\n" << text_of(other.lines()));
        const bool equal = other.lines() == expected;
        CHECK(equal);
    }
}

}  // namespace parity
