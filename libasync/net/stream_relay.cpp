#include <libasync/net/stream_relay.hpp>

#include <cerrno>

#include <libasync/coro/checkpoint.hpp>
#include <libasync/io/native_socket.hpp>

namespace async::inline v0::detail {

namespace {

// Two calls of the system and their preparations cost as much as two copies of about that.
constexpr std::size_t large = std::size_t{16} * 1024;
// A step goes to the end of the ready queue then.
constexpr std::uint64_t most_in_step = std::uint64_t{1} << 20;

// Until there is something to read: not 0 if the engine itself has it.
struct arrival_description : stream_description<arrival_description> {
    using operation = io::wait_op;
    using value_type = std::int64_t;

    using stream_description::stream_description;
    operation make() const noexcept { return {socket(), io::readiness::readable}; }
    void check(operation& op) const noexcept { check_open(op); }
    value_type finish(operation& op) const noexcept { return op.result; }
    std::string what() const { return describe_stream("read from", stream); }
};

struct room_description : stream_description<room_description> {
    using operation = io::wait_op;
    using value_type = void;

    using stream_description::stream_description;
    operation make() const noexcept { return {socket(), io::readiness::writable}; }
    void check(operation& op) const noexcept { check_open(op); }
    void finish(operation&) const noexcept {}
    std::string what() const { return describe_stream("write to", stream); }
};

// The target is of a kind that the system does not do this for.
bool is_refusal(const io::transfer_result& r) noexcept {
    if (r.error == 0) return r.bytes == 0;
    return r.error == EINVAL || r.error == ENOSYS || r.error == EOPNOTSUPP;
}

// However it ends: what was taken from the source and not given to the target is the source's again.
class given_back {
public:
    given_back(io::relay& r, std::string& m, read_ahead& a, stream_state& t) noexcept
        : between_(r),
          room_(m),
          ahead_(a),
          to_(t) {}
    given_back(const given_back&) = delete;
    given_back& operator=(const given_back&) = delete;
    ~given_back() {
        if (between_.held() == 0) return;
        room_.resize(between_.held());  // has the capacity
        room_.resize(between_.take_back(std::as_writable_bytes(std::span(room_))));
        if (between_.held() != 0) to_.broken = true;
        ahead_.refill(std::move(room_));
    }

private:
    io::relay& between_;
    std::string& room_;
    read_ahead& ahead_;
    stream_state& to_;
};

}  // namespace

void stream_relay::note(std::uint64_t size) noexcept { large_pieces_ = size < large ? 0 : large_pieces_ + 1; }

// Whether the target would take a write; if not, a write in the ordinary way says why, or joins what is corked.
bool stream_relay::may_move() {
    io::socket* const from = from_.socket();
    io::socket* const to = to_.socket();
    if (from == nullptr || to == nullptr) return false;
    const stream_state& s = *to_.get();
    if (s.broken || s.has_sole_writer || s.corked || to->owner->is_sending(*to)) return false;
    if (!between_.is_open()) possible_ = io::calls_of(*from).open_relay(between_) == 0;
    if (room_.capacity() < between_.room()) room_.reserve(between_.room());
    return possible_;
}

// Refused for good, by a kind of socket that has no such thing, or failed, which a read finds out.
bool stream_relay::fill() {
    const io::transfer_result filled = between_.fill(from_.socket()->handle, large);
    if (filled.error != 0 && !io::would_block(filled.error)) possible_ = false;
    return filled.bytes != 0;
}

task<std::uint64_t> stream_relay::drain(const reading_turn& turn) {
    stream_state& to = *to_.get();
    const sole_writer sole(to, "write to");
    const given_back at_end(between_, room_, turn.ahead(), to);
    if (!fill()) co_return 0;
    std::uint64_t moved = 0;
    while (between_.held() != 0) {
        if (to_.socket() == nullptr)
            throw std::system_error(make_error_code(errc::closed), describe_stream("write to", &to));
        const io::transfer_result drained = between_.drain(to_.socket()->handle);
        to.written += drained.bytes;
        moved += drained.bytes;
        if (io::would_block(drained.error)) {
            moved_in_step_ = 0;
            co_await room_description(&to);
        } else if (is_refusal(drained)) {
            possible_ = false;
            break;
        } else if (drained.error != 0) {
            throw std::system_error(io::operation::to_error_code(drained.error), describe_stream("write to", &to));
        }
    }
    moved_in_step_ += moved;
    co_return moved;
}

task<std::uint64_t> stream_relay::move(const reading_turn& turn) {
    std::uint64_t count = 0;
    while (is_worth_it() && may_move()) {
        auto arrived = co_await as_result(arrival_description(from_.get()));
        if (!arrived || *arrived != 0 || !may_move()) break;
        const std::uint64_t moved = co_await drain(turn);
        count += moved;
        if (moved == 0 || !turn.ahead().empty()) break;
        note(moved);  // much may have come in pieces so small that they take up all places of the pipe
        if (moved_in_step_ < most_in_step) continue;
        moved_in_step_ = 0;
        co_await end_long_step();
    }
    co_return count;
}

}  // namespace async::inline v0::detail
