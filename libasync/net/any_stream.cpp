#include <libasync/net/any_stream.hpp>

#include <libasync/coro/checkpoint.hpp>

namespace async::inline v0 {

static_assert(byte_stream<any_stream>);

namespace detail {

std::string write_list::joined() const {
    std::string bytes;
    bytes.reserve(total());
    for (const const_bytes& part : *this) bytes.append(static_cast<const char*>(part.data()), part.size());
    return bytes;
}

task<void> write_kept(owned<std::string> bytes, task<void> write) {
    co_await std::move(write);
    bytes.reset();
}

std::string stream_face::describe(const char* operation) const {
    return std::string(operation) + (is_open() ? " an any_stream" : " a closed stream");
}

namespace {

// Without a copy where nothing was read ahead.
task<std::size_t> read_some_directly(readable_ref stream, std::span<std::byte> into) {
    co_await checkpoint();
    if (!stream) throw_read_error(errc::closed, nullptr, "read_some from");
    if (stream->ahead) co_return co_await read_some_plainly(std::move(stream), into);
    const std::size_t count = co_await static_cast<stream_face&>(*stream).fetch_some(into);
    stream->ended = count == 0 && !into.empty();
    co_return count;
}

task<void> fail_closed(const char* operation) {
    co_await checkpoint();
    throw_read_error(errc::closed, nullptr, operation);
}

task<void> nothing() { co_return; }

}  // namespace

}  // namespace detail

task<chunk> any_stream::read() { return detail::read_plainly(detail::readable_ref(stream_.get())); }

task<std::size_t> any_stream::read_some(std::span<std::byte> into) {
    return detail::read_some_directly(detail::readable_ref(stream_.get()), into);
}

task<void> any_stream::write_all(const detail::write_list& list) {
    return stream_ ? stream_->write(list) : detail::fail_closed("write to");
}

task<void> any_stream::shutdown_write() {
    return stream_ ? stream_->shutdown_write() : detail::fail_closed("shutdown_write of");
}

task<void> any_stream::close() {
    if (!stream_) return detail::nothing();
    stream_->drop_ahead();
    return stream_->close();
}

void any_stream::abort() noexcept {
    if (!stream_) return;
    stream_->drop_ahead();
    stream_->abort();
}

}  // namespace async::inline v0
