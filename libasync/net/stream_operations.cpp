#include <libasync/net/stream_operations.hpp>

namespace async::inline v0::detail {

namespace {

// A read of the socket itself.
struct fetch_description : stream_description<fetch_description> {
    using operation = io::receive_chunk_op;
    using value_type = chunk;

    using stream_description::stream_description;
    operation make() const noexcept { return operation(socket()); }
    void check(operation& op) const noexcept { check_open(op); }
    value_type finish(operation& op) const noexcept { return std::move(op.received); }
    std::string what() const { return describe_stream("read from", stream); }
};

task<chunk> fetch_from(stream_ref stream) { co_return co_await fetch_description(stream.get()); }

// Whether the operation is decided: refused, or it takes what is there.
template <class Operation, class Take>
void decide(readable& stream, Operation& op, Take take) noexcept {
    const auto next = stream.begin_plain_read();
    if (next == readable::next_read::fetch) return;
    if (next == readable::next_read::refused) return op.fail_early(errc::busy);
    op.state = io::op_state::done;
    try {
        take(*stream.ahead);
    } catch (const std::bad_alloc&) {
        op.error = static_cast<int>(std::errc::not_enough_memory);
    }
}

}  // namespace

task<chunk> stream_state::fetch() { return fetch_from(stream_ref(this)); }

std::string stream_state::describe(const char* operation) const { return describe_stream(operation, this); }

void stream_state::read_ahead_first(io::receive_op& op) noexcept {
    decide(*this, op, [&op](read_ahead& ahead) {
        const std::span into(static_cast<std::byte*>(op.data), op.size);
        op.result = static_cast<std::int64_t>(ahead.take_into(into));
    });
}

void stream_state::read_ahead_first(io::receive_chunk_op& op) noexcept {
    decide(*this, op, [&op](read_ahead& ahead) { op.received = ahead.take_chunk(); });
}

}  // namespace async::inline v0::detail
