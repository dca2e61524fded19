#include <libasync/net/proxy_greeting.hpp>

#include <algorithm>
#include <array>
#include <string>

#include <libasync/coro/timeout.hpp>

namespace async::inline v0::detail {

namespace {

using status = enum proxy_parse_result::status;

// What has been read so far, and what the parser makes of it.
struct greeting {
    std::string bytes;
    proxy_parse_result parsed;
    const char* failure = nullptr;
};

// Reads straight into a piece of its own, so that what has arrived is known whenever this is cut short.
task<void> read_greeting(stream_state& stream, greeting& got) {
    std::array<std::byte, 256> piece;
    for (;;) {
        got.parsed = parse_proxy_header(got.bytes);
        if (got.parsed.status != status::incomplete) co_return;
        const std::size_t missing = got.parsed.size - got.bytes.size();
        const auto room = std::span(piece).first(std::min(missing, piece.size()));
        const receive_description receive(&stream, room);
        result<std::size_t> count = co_await as_result(receive);
        if (!count || *count == 0) {
            got.failure = count ? "the connection ended" : "the connection failed";
            co_return;
        }
        got.bytes.append(reinterpret_cast<const char*>(piece.data()), *count);
    }
}

void take_over(const proxy_header& header, connection_info& info) {
    info.proxied = true;
    info.proxy = info.peer;
    info.proxy_fields.assign(reinterpret_cast<const char*>(header.fields.data()), header.fields.size());
    if (!header.has_addresses) return;
    info.peer = header.source;
    info.local = header.destination;
}

}  // namespace

task<const char*> read_proxy_header(stream_state& stream, proxy_protocol how, std::chrono::nanoseconds limit,
                                    connection_info& info) {
    greeting got;
    const auto in_time = co_await move_on_after(limit, read_greeting(stream, got));
    const bool required = how == proxy_protocol::required;
    if (got.failure != nullptr && required) co_return got.failure;
    switch (got.parsed.status) {
        case status::complete: take_over(got.parsed.header, info); co_return nullptr;
        case status::invalid: co_return got.parsed.reason;
        default: break;
    }
    if (required) co_return in_time ? "something else was sent" : "it did not come in time";
    if (!got.bytes.empty() && stream.is_open()) idle_ahead(&stream, "unread to").put_back(got.bytes);
    co_return nullptr;
}

}  // namespace async::inline v0::detail
