// What is received and sent by the sockets for datagrams: udp_socket and unix_datagram_socket.
//
//   std::array<async::incoming_datagram, 8> batch;
//   for (std::size_t i = 0; i < batch.size(); ++i) batch[i].into = buffers[i];
//   const std::size_t count = co_await socket.recv_many(batch);
#pragma once

#include <span>

#include <libasync/io/buffer.hpp>
#include <libasync/io/endpoint.hpp>
#include <libasync/io/unix_endpoint.hpp>

namespace async::inline v0 {

template <class Address>
struct basic_received_datagram {
    std::size_t size = 0;    // bytes that were stored
    Address from;
    bool truncated = false;  // there was more than there was room for, and it is lost
};

// One of many that are received by one call.
template <class Address>
struct basic_incoming_datagram {
    std::span<std::byte> into;
    std::size_t size = 0;
    Address from;
    bool truncated = false;
};

// One of many that are sent by one call. Without a port, or a name, it goes to whom the socket is connected.
template <class Address>
struct basic_outgoing_datagram {
    const_bytes data;
    Address to;
};

using received_datagram = basic_received_datagram<endpoint>;
using incoming_datagram = basic_incoming_datagram<endpoint>;
using outgoing_datagram = basic_outgoing_datagram<endpoint>;

// Who sends without a name of his own has none here either.
using received_unix_datagram = basic_received_datagram<unix_endpoint>;
using incoming_unix_datagram = basic_incoming_datagram<unix_endpoint>;
using outgoing_unix_datagram = basic_outgoing_datagram<unix_endpoint>;

}  // namespace async::inline v0
