// What is said to a proxy before it connects. See proxy.hpp.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <libasync/coro/timeout.hpp>
#include <libasync/net/byte_stream.hpp>
#include <libasync/net/proxy_error.hpp>
#include <libasync/net/resolve.hpp>

namespace async::inline v0 {

enum class proxy_names : std::uint8_t {
    by_proxy,  // it looks them up
    here,      // it is given the first address that async::resolve finds
};

struct proxy_options {
    // With an empty name none is offered.
    std::string_view user = {};
    std::string_view password = {};
    proxy_names names = proxy_names::by_proxy;
    // For the dialogue with the proxy, which connects meanwhile; 0: without limit.
    std::chrono::nanoseconds timeout = std::chrono::seconds(60);
    // Bytes that the header of an HTTP proxy's answer may have.
    std::size_t most_header = std::size_t{16} * 1024;
};
static_assert(std::is_trivially_destructible_v<proxy_options>);

namespace detail {

// One side of the dialogue, without a stream.
class proxy_dialogue {
public:
    // Throws resolve_error, std::invalid_argument.
    proxy_dialogue(const char* kind, std::string_view host, int port, const proxy_options& options);
    proxy_dialogue(const proxy_dialogue&) = delete;
    proxy_dialogue& operator=(const proxy_dialogue&) = delete;
    virtual ~proxy_dialogue();

    // For messages.
    void set_proxy(const std::string& name) { proxy_ = name; }
    // The target by its numbers, as far as it has any.
    void set_address(const endpoint& address) { address_ = address; }
    const std::string& host() const noexcept { return host_; }
    int port() const noexcept { return port_; }
    bool needs_address() const noexcept { return names_ == proxy_names::here && !address_; }
    std::chrono::nanoseconds timeout() const noexcept { return timeout_; }

    virtual void begin() = 0;
    // What is to be sent now; then `sent` is called.
    const std::string& output() const noexcept { return output_; }
    void sent() noexcept { output_.clear(); }
    // How many bytes are the proxy's for sure, at most most_wanted; 0 at the end.
    static constexpr std::size_t most_wanted = 512;
    virtual std::size_t wanted() const noexcept = 0;
    // Throws proxy_error.
    virtual void receive(std::string_view bytes) = 0;
    [[noreturn]] void fail(std::error_code code, int reply = 0, std::string_view answer = {}) const;

protected:
    std::string target() const;  // "example.org:443"

    std::string output_;
    std::string host_;
    std::string user_;
    std::string password_;
    std::optional<endpoint> address_;

private:
    const char* kind_;
    int port_;
    proxy_names names_;
    std::chrono::nanoseconds timeout_;
    std::string proxy_;
};

using dialogue_ptr = std::unique_ptr<proxy_dialogue>;
dialogue_ptr make_socks5_dialogue(std::string_view host, int port, const proxy_options& options);
dialogue_ptr make_http_dialogue(std::string_view host, int port, const proxy_options& options);

template <byte_stream S>
task<void> speak(S& stream, proxy_dialogue& dialogue) {
    std::array<std::byte, proxy_dialogue::most_wanted> room;
    for (;;) {
        if (!dialogue.output().empty()) co_await stream.write(dialogue.output());
        dialogue.sent();
        if (dialogue.wanted() == 0) co_return;
        const std::span<std::byte> into = std::span(room).first(dialogue.wanted());
        const std::size_t count = co_await stream.read_some(into);
        if (count == 0) dialogue.fail(proxy_errc::closed);
        dialogue.receive({reinterpret_cast<const char*>(room.data()), count});
    }
}

template <byte_stream S>
task<void> speak_in_time(S& stream, proxy_dialogue& dialogue) {
    if (dialogue.timeout() <= std::chrono::nanoseconds::zero()) {
        co_await speak(stream, dialogue);
        co_return;
    }
    const auto done = co_await move_on_after(dialogue.timeout(), speak(stream, dialogue));
    if (!done) dialogue.fail(std::make_error_code(std::errc::timed_out));
}

template <byte_stream S>
std::string name_of_peer(const S& stream) {
    if constexpr (requires { stream.remote_endpoint().to_string(); }) {
        try {
            return stream.remote_endpoint().to_string();
        } catch (const std::system_error&) {  // it is gone already
        }
    }
    return {};
}

template <byte_stream S>
task<S> connect_through(S stream, dialogue_ptr dialogue) {
    dialogue->set_proxy(name_of_peer(stream));
    if (dialogue->needs_address()) {
        const std::vector<endpoint> addresses = co_await resolve(dialogue->host(), dialogue->port());
        dialogue->set_address(addresses.front());
    }
    dialogue->begin();
    try {
        co_await speak_in_time(stream, *dialogue);
    } catch (const proxy_error&) {
        throw;
    } catch (const std::system_error& e) {
        dialogue->fail(e.code());
    }
    co_return std::move(stream);
}

}  // namespace detail

}  // namespace async::inline v0
