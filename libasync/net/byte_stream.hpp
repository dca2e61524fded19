// What a connection promises, of whatever kind it is: tcp_stream and memory_stream model it, and so may your own, which
// buffered_reader then reads line by line.
// testing/check_stream.hpp holds a stream to these promises.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include <libasync/coro/into_task.hpp>
#include <libasync/io/buffer.hpp>

namespace async::inline v0 {

namespace detail {

template <class A, class T>
concept gives = awaitable_operation<A> && std::same_as<await_result<A>, T>;

}  // namespace detail

// A connection over which bytes go both ways, in order, complete, each once. With a stream `s`:
//
//   read()               gives what has arrived, at least one byte, as a chunk; an empty one once the peer has ended its
//                        side, and then each time. Lossless: a byte that a cancelled read did not give, the next one
//                        does.
//   read_some(span)      the same into the caller's memory; gives the count. 0 also for an empty span, at once.
//   write(bytes...)      sends all of one or several buffers, in their order. Completes when they are taken, and does
//                        not while the peer reads nothing and what lies between is full. Cancelled before a byte was
//                        taken it has done nothing; cancelled later it poisons: further writes give errc::broken.
//   written()            the bytes that were taken so far, those of a poisoning write included.
//   shutdown_write()     the peer reads the end after what was written; the other direction goes on.
//   close()              closes both directions, even in a cancelled scope; the peer reads the end after what was
//                        written. May be repeated.
//   abort()              closes at once; what was not delivered yet may be lost, and the peer may see an error.
//   is_open()            false from the close on, or if it never was open.
//
// At most one task reads and one writes (shutdown_write writes); a second one gets errc::busy, and the first goes on.
// When the stream is closed, or destroyed, what is pending on it ends with errc::closed, and what is begun later too.
// An operation that is entered in a cancelled scope does nothing, close excepted. Errors are std::system_error.
template <class S>
concept byte_stream = std::movable<S> && requires(S& s, const S& c, std::span<std::byte> into, const_bytes from) {
    { s.read() } -> detail::gives<chunk>;
    { s.read_some(into) } -> detail::gives<std::size_t>;
    { s.write(from) } -> detail::gives<void>;
    { s.write(from, from, from) } -> detail::gives<void>;
    { c.written() } -> std::same_as<std::uint64_t>;
    { s.shutdown_write() } -> detail::gives<void>;
    { s.close() } -> detail::gives<void>;
    { s.abort() } noexcept;
    { c.is_open() } -> std::same_as<bool>;
};

}  // namespace async::inline v0
