#include <libasync/net/cork.hpp>

namespace async::inline v0 {

cork_guard::cork_guard(detail::stream_state* stream) : stream_(stream) {
    const auto refuse = [&](errc why) {
        throw std::system_error(make_error_code(why), detail::describe_stream("cork of", stream));
    };
    if (stream == nullptr || !stream->socket) refuse(errc::closed);
    if (stream->corked && (stream->corked->held || stream->corked->leaving)) refuse(errc::busy);
    if (!stream->corked) stream->corked.reset(new detail::corked_writes);
    stream->corked->held = true;
}

cork_guard::~cork_guard() {
    detail::stream_state* const s = stream_.get();
    if (s == nullptr || !s->corked) return;
    s->corked->held = false;
    if (s->socket) s->try_send_corked();
}

}  // namespace async::inline v0
