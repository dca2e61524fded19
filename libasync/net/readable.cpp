#include <libasync/net/readable.hpp>

#include <algorithm>
#include <cstring>

#include <libasync/coro/checkpoint.hpp>

namespace async::inline v0::detail {

namespace {

// An empty buffer that is larger is given back.
constexpr std::size_t kept_capacity = 1024;
// A plain read takes no more than that of what has to be copied.
constexpr std::size_t copied_at_once = 64 * 1024;

}  // namespace

void read_ahead::own() {
    if (fresh_.empty()) return;
    if (used_ != 0) {
        bytes_.erase(0, used_);
        used_ = 0;
    }
    bytes_.append(fresh_.text());
    fresh_.release();
}

std::string_view read_ahead::view() {
    if (older() == 0) return fresh_.text();
    own();
    return std::string_view(bytes_).substr(used_);
}

void read_ahead::drop_older(std::size_t count) noexcept {
    used_ += count;
    if (used_ < bytes_.size()) return;
    used_ = 0;
    bytes_.clear();
    if (bytes_.capacity() > kept_capacity) std::string().swap(bytes_);
}

void read_ahead::drop_fresh(std::size_t count) noexcept {
    fresh_.remove_prefix(count);
    if (fresh_.empty()) fresh_.release();
}

void read_ahead::drop(std::size_t count) noexcept {
    const std::size_t first = std::min(count, older());
    drop_older(first);
    drop_fresh(count - first);
}

std::string read_ahead::take(std::size_t count) {
    if (older() == 0) {
        std::string taken(fresh_.text().substr(0, count));
        drop_fresh(count);
        return taken;
    }
    if (count > older()) {
        const std::size_t missing = count - older();
        bytes_.append(fresh_.text().substr(0, missing));
        drop_fresh(missing);
    }
    // Moved, if that leaves no large unused rest in the hands of the caller.
    if (used_ == 0 && count == bytes_.size() && count >= bytes_.capacity() / 2) return std::exchange(bytes_, {});
    std::string taken(bytes_, used_, count);
    drop_older(count);
    return taken;
}

chunk read_ahead::take_chunk() {
    if (older() == 0) return std::move(fresh_);
    const std::size_t count = std::min(older(), copied_at_once);
    chunk taken = chunk::copy_of({bytes_.data() + used_, count});
    drop_older(count);
    return taken;
}

chunk read_ahead::take_all() {
    if (older() == 0) return std::move(fresh_);
    chunk taken = chunk::copy_of(view());
    drop(size());
    return taken;
}

std::size_t read_ahead::take_into(std::span<std::byte> into) noexcept {
    const std::string_view first = older() != 0 ? std::string_view(bytes_).substr(used_) : fresh_.text();
    const std::size_t count = std::min(into.size(), first.size());
    if (count == 0) return 0;
    std::memcpy(into.data(), first.data(), count);
    drop(count);
    return count;
}

void read_ahead::put_back(const_bytes bytes) {
    if (bytes.size() == 0) return;
    const auto* text = static_cast<const char*>(bytes.data());
    if (bytes.size() <= used_) {
        used_ -= bytes.size();
        std::memcpy(bytes_.data() + used_, text, bytes.size());
    } else {
        bytes_.replace(0, used_, text, bytes.size());
        used_ = 0;
    }
}

void read_ahead::put_back(chunk&& data) {
    if (empty()) {
        fresh_ = std::move(data);
    } else {
        put_back(const_bytes(data));
        data.release();
    }
}

readable::~readable() = default;

readable::next_read readable::begin_plain_read() noexcept {
    if (ahead->reading) return next_read::refused;
    if (!ahead->empty()) return next_read::ahead;
    ahead.reset();
    return next_read::fetch;
}

void throw_read_error(errc why, const readable* stream, const char* operation) {
    throw std::system_error(make_error_code(why),
                            stream ? stream->describe(operation) : std::string(operation) + " a closed stream");
}

read_ahead& idle_ahead(readable* stream, const char* operation) {
    if (stream == nullptr || !stream->is_open()) throw_read_error(errc::closed, stream, operation);
    if (!stream->ahead) stream->ahead.reset(new read_ahead);
    if (stream->ahead->reading) throw_read_error(errc::busy, stream, operation);
    return *stream->ahead;
}

namespace {

readable& begin_turn(readable* stream, const char* operation) {
    idle_ahead(stream, operation).reading = true;
    return *stream;
}

}  // namespace

reading_turn::reading_turn(const readable_ref& stream, const char* operation)
    : stream_(begin_turn(stream.get(), operation)) {}

task<bool> reading_turn::more() const {
    ahead().own();
    chunk data = co_await stream_.fetch();
    co_return append(std::move(data));
}

task<chunk> read_plainly(readable_ref stream) {
    co_await checkpoint();
    if (!stream || !stream->is_open()) throw_read_error(errc::closed, stream.get(), "read from");
    const auto next = stream->ahead ? stream->begin_plain_read() : readable::next_read::fetch;
    if (next == readable::next_read::refused) throw_read_error(errc::busy, stream.get(), "read from");
    if (next == readable::next_read::ahead) co_return stream->ahead->take_chunk();
    chunk data = co_await stream->fetch();
    stream->ended = data.empty();
    co_return data;
}

task<std::size_t> read_some_plainly(readable_ref stream, std::span<std::byte> into) {
    co_await checkpoint();
    const reading_turn turn(stream, "read_some from");
    if (into.empty()) co_return 0;
    if (turn.ahead().empty()) co_await turn.more();
    co_return turn.ahead().take_into(into);
}

}  // namespace async::inline v0::detail
