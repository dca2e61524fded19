// Sending and receiving datagrams, one or many, for the .cpp files of their sockets. `Address` is that of the socket's
// kind.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>

#include <libasync/coro/task.hpp>
#include <libasync/io/native_socket.hpp>
#include <libasync/io/system_calls.hpp>
#include <libasync/net/attempt.hpp>
#include <libasync/net/datagrams.hpp>
#include <libasync/net/growing_pause.hpp>

namespace async::inline v0::detail {

using datagram_ref = state_ref<socket_state>;

constexpr std::size_t most_datagrams_at_once = 32;

// The parts of addresses that matter here.
inline bool leads_somewhere(const endpoint& to) noexcept { return to.port() != 0; }
inline bool leads_somewhere(const unix_endpoint& to) noexcept { return !to.empty(); }
inline void read_address(const io::message_address& from, endpoint& to) noexcept { to = from.inet; }
inline void read_address(const io::message_address& from, unix_endpoint& to) noexcept { to = from.local; }

template <class Address>
struct receive_datagrams_call : socket_call {
    explicit receive_datagrams_call(std::span<basic_incoming_datagram<Address>> d) noexcept
        : socket_call(&make, io::readiness::readable),
          datagrams(d.first(std::min(d.size(), most_datagrams_at_once))) {}

    static int make(socket_call& call, io::socket& s) noexcept {
        auto& self = static_cast<receive_datagrams_call&>(call);
        return self.datagrams.size() == 1 ? self.template receive<1>(s)
                                          : self.template receive<most_datagrams_at_once>(s);
    }

    // With room for so many on the stack: it is cleared for each call.
    template <std::size_t Most>
    int receive(io::socket& s) noexcept {
        std::array<io::incoming_message, Most> messages;
        for (std::size_t i = 0; i < datagrams.size(); ++i) messages[i].into = datagrams[i].into;
        const auto wanted = std::span(messages).first(datagrams.size());
        const io::message_count got = io::calls_of(s).receive_messages(s.handle, wanted);
        for (std::size_t i = 0; i < got.count; ++i) {
            basic_incoming_datagram<Address>& d = datagrams[i];
            d.size = messages[i].size;
            d.truncated = messages[i].truncated;
            read_address(messages[i].from, d.from);
        }
        count = got.count;
        return got.error;
    }

    std::span<basic_incoming_datagram<Address>> datagrams;
    std::size_t count = 0;
};

template <class Address>
struct send_datagrams_call : socket_call {
    explicit send_datagrams_call(std::span<const basic_outgoing_datagram<Address>> d) noexcept
        : socket_call(&make, io::readiness::writable),
          datagrams(d.first(std::min(d.size(), most_datagrams_at_once))) {}

    static int make(socket_call& call, io::socket& s) noexcept {
        auto& self = static_cast<send_datagrams_call&>(call);
        const int error = self.datagrams.size() == 1 ? self.template send<1>(s)
                                                     : self.template send<most_datagrams_at_once>(s);
        self.no_room_ = has_names && io::would_block(error) && leads_somewhere(self.datagrams[0].to);
        return self.no_room_ ? 0 : error;
    }

    // As receive_datagrams_call::receive.
    template <std::size_t Most>
    int send(io::socket& s) noexcept {
        std::array<io::outgoing_message, Most> messages;
        std::array<io::message_address, Most> addresses;
        for (std::size_t i = 0; i < datagrams.size(); ++i) {
            messages[i].data = datagrams[i].data;
            if (!leads_somewhere(datagrams[i].to)) continue;
            addresses[i] = io::message_address(datagrams[i].to);
            messages[i].to = &addresses[i];
        }
        const auto all = std::span(messages).first(datagrams.size());
        const io::message_count sent = io::calls_of(s).send_messages(s.handle, all);
        count = sent.count;
        return sent.error;
    }

    // A unix socket has no room for what is sent to its name, and nothing tells when it has: the sender is ready to
    // write all the while (unix(7)). The call is to be made again after a pause.
    static constexpr bool has_names = std::same_as<Address, unix_endpoint>;
    bool found_no_room() noexcept {
        if (!no_room_) return false;
        done = false;
        return true;
    }

    std::span<const basic_outgoing_datagram<Address>> datagrams;
    std::size_t count = 0;
    growing_pause pause;

private:
    bool no_room_ = false;
};

template <class Address>
task<std::size_t> receive_datagrams(datagram_ref state, std::span<basic_incoming_datagram<Address>> datagrams) {
    if (datagrams.empty()) co_return 0;
    receive_datagrams_call<Address> call(datagrams);
    while (!call.done) co_await attempt(state, call, "recv_many");
    co_return call.count;
}

template <class Address>
task<basic_received_datagram<Address>> receive_datagram(datagram_ref state, std::span<std::byte> into) {
    basic_incoming_datagram<Address> datagram;
    datagram.into = into;
    receive_datagrams_call<Address> call({&datagram, 1});
    while (!call.done) co_await attempt(state, call, "recv_from");
    co_return basic_received_datagram<Address>{datagram.size, datagram.from, datagram.truncated};
}

template <class Address>
task<std::size_t> send_datagrams(datagram_ref state, std::span<const basic_outgoing_datagram<Address>> datagrams) {
    if (datagrams.empty()) co_return 0;
    send_datagrams_call<Address> call(datagrams);
    while (!call.done) {
        co_await attempt(state, call, "send_many");
        if constexpr (send_datagrams_call<Address>::has_names) {
            if (call.found_no_room()) co_await call.pause.next();
        }
    }
    co_return call.count;
}

template <class Address>
task<void> send_datagram(datagram_ref state, basic_outgoing_datagram<Address> datagram, const char* name) {
    send_datagrams_call<Address> call({&datagram, 1});
    while (!call.done) {
        co_await attempt(state, call, name);
        if constexpr (send_datagrams_call<Address>::has_names) {
            if (call.found_no_room()) co_await call.pause.next();
        }
    }
}

}  // namespace async::inline v0::detail
