#include <libasync/io/fault_knobs.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <libasync/io/operation.hpp>

namespace async::inline v0::io::faults {

namespace {

constexpr knobs::value max_percent = 90;  // at 100 nothing would ever go on
constexpr knobs::value max_number = 1u << 20;

struct knob {
    std::string_view name;
    knobs::value knobs::* member;
    knobs::value max = max_number;
};

constexpr knob all_knobs[] = {
    {"read_max", &knobs::read_max},
    {"write_max", &knobs::write_max},
    {"file_read_max", &knobs::file_read_max},
    {"file_write_max", &knobs::file_write_max},
    {"read_blocks", &knobs::read_blocks, max_percent},
    {"write_blocks", &knobs::write_blocks, max_percent},
    {"short_reads", &knobs::short_reads, max_percent},
    {"accept_errors", &knobs::accept_errors, max_percent},
    {"open_errors", &knobs::open_errors, max_percent},
    {"stops", &knobs::stops, max_percent},
    {"interrupts", &knobs::interrupts, max_percent},
    {"submit_max", &knobs::submit_max},
    {"ring_entries", &knobs::ring_entries, 4096},
    {"receive_buffers", &knobs::receive_buffers, 8192},
    {"seed", &knobs::seed, ~knobs::value{0}},
};

[[noreturn]] void refuse(const char* why, std::string_view text) {
    throw std::invalid_argument(std::string("LIBASYNC_FAULTS: ") + why + " '" + std::string(text) + "'");
}

void set(knobs& all, std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) refuse("no value in", text);
    const std::string_view name = text.substr(0, equals);
    const auto found =
        std::find_if(std::begin(all_knobs), std::end(all_knobs), [&](const knob& k) { return k.name == name; });
    if (found == std::end(all_knobs)) refuse("there is no knob", name);
    const char* const first = text.data() + equals + 1;
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(first, last, all.*found->member);
    if (error == std::errc::invalid_argument || end != last) refuse("not a number in", text);
    if (error != std::errc{} || all.*found->member > found->max) refuse("too large a number in", text);
}

}  // namespace

knobs parse(std::string_view text) {
    knobs all;
    for (bool more = !text.empty(); more;) {
        const std::size_t comma = text.find(',');
        more = comma != std::string_view::npos;
        set(all, text.substr(0, comma));
        if (more) text.remove_prefix(comma + 1);
    }
    return all;
}

namespace {

struct state {
    explicit state(const knobs& k) noexcept : all(k), drawn(k.seed) {}
    knobs all;
    std::atomic<std::uint64_t> drawn;  // threads of the pool draw too
};

state& current() {
    static state s([] {
        const char* text = std::getenv("LIBASYNC_FAULTS");
        return parse(text ? text : "");
    }());
    return s;
}

// splitmix64: the draws of a single thread repeat with the seed.
std::uint64_t draw() noexcept {
    std::uint64_t z = current().drawn.fetch_add(0x9e3779b97f4a7c15, std::memory_order_relaxed);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

}  // namespace

const knobs& active() { return current().all; }

void use(const knobs& replacement) noexcept {
    current().all = replacement;
    current().drawn = replacement.seed;
}

std::size_t cut(std::size_t size, knobs::value knobs::* most) noexcept {
    const knobs::value limit = active().*most;
    if (limit == 0 || size == 0) return size;
    const std::uint64_t drawn = draw();
    if (drawn >> 60 == 0) return size;
    return std::min<std::size_t>(size, 1 + drawn % limit);
}

bool limits(knobs::value knobs::* most) noexcept { return active().*most != 0; }

bool happens(knobs::value knobs::* percent) noexcept {
    const knobs::value often = active().*percent;
    return often != 0 && draw() % 100 < often;
}

transfer_result send_now(socket_role role, native_handle handle, const const_bytes* buffers,
                         std::size_t count) noexcept {
    if (count == 0 || !limits(&knobs::write_max)) return io::send_now(role, handle, buffers, count);
    const const_bytes part(buffers->data(), cut(buffers->size(), &knobs::write_max));
    return io::send_now(role, handle, &part, 1);
}

knobs::value replaced(knobs::value normal, knobs::value knobs::* by) noexcept {
    const knobs::value wanted = active().*by;
    return wanted == 0 ? normal : wanted;
}

bool strikes(operation& op) noexcept {
    switch (op.kind) {
        case op_kind::read_at:
        case op_kind::write_at: {
            auto& transfer = static_cast<transfer_op&>(op);
            transfer.size =
                cut(transfer.size, op.kind == op_kind::read_at ? &knobs::file_read_max : &knobs::file_write_max);
            return false;
        }
        case op_kind::open_file:
            if (!happens(&knobs::open_errors)) return false;
            op.error = EMFILE;
            return true;
        default: return false;
    }
}

}  // namespace async::inline v0::io::faults
