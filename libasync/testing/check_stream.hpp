// Holds a stream to what net/byte_stream.hpp promises: trio's check_two_way_stream and check_half_closeable_stream.
//
//   async::task<stream_pair> connected();  // two ends of one connection, anything that [a, b] can be bound to
//
//   async::run(async::testing::check_stream(connected));
#pragma once

#include <chrono>
#include <type_traits>

#include <libasync/detail/unique_function.hpp>
#include <libasync/testing/check_failure.hpp>
#include <libasync/testing/stream_under_test.hpp>

namespace async::inline v0::testing {

struct check_stream_options {
    // Bytes that do not fit between two ends, in whatever buffers there are.
    std::size_t more_than_buffers = std::size_t{32} << 20;
    // One requirement that takes longer is not met.
    std::chrono::milliseconds patience{30'000};
    // For what is done at random moments.
    std::uint32_t seed = 1;
};
static_assert(std::is_trivially_destructible_v<check_stream_options>);

namespace internal {

using connection_maker = unique_function<task<connection>()>;

template <byte_stream S>
stream_holder hold(S& stream) {
    return std::make_unique<stream_model<S>>(std::move(stream));
}

template <class MakePair>
task<connection> connect_by(MakePair& make_pair) {
    auto pair = co_await make_pair();
    auto& [near, far] = pair;
    co_return connection(hold(near), hold(far));
}

task<void> check_stream(connection_maker make, check_stream_options options);

}  // namespace internal

// Makes pair after pair by `make_pair()`, a task of two connected streams, and checks each requirement on each end.
// Throws check_failure, with the requirement and what was found in its message, for the first that is not met.
// Cancel class: that of what it awaits: `make_pair()` and the streams.
template <class MakePair>
task<void> check_stream(MakePair&& make_pair, check_stream_options options = {}) {
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
    static_assert(std::is_lvalue_reference_v<MakePair> || std::is_trivially_destructible_v<MakePair>,
                  "name the closure: g++ 12 destroys it twice (docs/gcc12.md)");
#endif
    return internal::check_stream(
        [maker = std::forward<MakePair>(make_pair)]() mutable { return internal::connect_by(maker); }, options);
}

}  // namespace async::inline v0::testing
