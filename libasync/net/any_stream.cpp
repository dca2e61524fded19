#include <libasync/net/any_stream.hpp>

#include <libasync/net/entry_check.hpp>

namespace async::inline v0 {

static_assert(byte_stream<any_stream>);

namespace detail {

std::string write_list::joined() const {
    std::string bytes;
    bytes.reserve(total());
    for (const const_bytes& part : *this) bytes.append(static_cast<const char*>(part.data()), part.size());
    return bytes;
}

task<void> write_kept(std::unique_ptr<std::string> bytes, task<void> write) {
    co_await std::move(write);
    bytes.reset();
}

namespace {

template <class T>
task<T> fail_closed(const char* operation) {
    co_await entry_check();
    throw std::system_error(make_error_code(errc::closed), std::string(operation) + " a closed stream");
}

task<void> nothing() { co_return; }

}  // namespace

}  // namespace detail

task<chunk> any_stream::read() { return stream_ ? stream_->read() : detail::fail_closed<chunk>("read from"); }

task<std::size_t> any_stream::read_some(std::span<std::byte> into) {
    return stream_ ? stream_->read_some(into) : detail::fail_closed<std::size_t>("read_some from");
}

task<void> any_stream::write_all(const detail::write_list& list) {
    return stream_ ? stream_->write(list) : detail::fail_closed<void>("write to");
}

task<void> any_stream::shutdown_write() {
    return stream_ ? stream_->shutdown_write() : detail::fail_closed<void>("shutdown_write of");
}

task<void> any_stream::close() { return stream_ ? stream_->close() : detail::nothing(); }

}  // namespace async::inline v0
