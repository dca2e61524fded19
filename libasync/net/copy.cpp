#include <libasync/net/copy.hpp>

#include <algorithm>

#include <libasync/coro/checkpoint.hpp>
#include <libasync/net/stream_relay.hpp>

namespace async::inline v0::detail {

namespace {

// Bytes leave the buffer as far as they were written, however the write ends. One that has succeeded may have been joined
// to others under a cork, and counts later.
class written_off {
public:
    written_off(read_ahead& ahead, const copy_sink& to) : ahead_(ahead), to_(to), before_(to.written()) {}
    written_off(const written_off&) = delete;
    written_off& operator=(const written_off&) = delete;
    void complete() noexcept { complete_ = true; }
    ~written_off() {
        const std::uint64_t written = complete_ ? ahead_.size() : to_.written() - before_;
        ahead_.drop(static_cast<std::size_t>(std::min<std::uint64_t>(written, ahead_.size())));
    }

private:
    read_ahead& ahead_;
    const copy_sink& to_;
    const std::uint64_t before_;
    bool complete_ = false;
};

}  // namespace

task<std::uint64_t> copy_to_sink(readable_ref from, copy_sink& to) {
    co_await checkpoint();
    const reading_turn turn(from, "copy from");
    stream_relay inside(from->of_system(), to.of_system());
    for (std::uint64_t count = 0;;) {
        if (turn.ahead().empty() && inside.is_worth_it()) count += co_await inside.move(turn);
        if (turn.ahead().empty()) {
            const bool there = co_await turn.more();
            if (!there) co_return count;
            inside.note(turn.ahead().size());
        }
        const std::string_view data = turn.ahead().view();
        written_off at_end(turn.ahead(), to);
        co_await to.write(data);
        at_end.complete();
        count += data.size();
    }
}

}  // namespace async::inline v0::detail
