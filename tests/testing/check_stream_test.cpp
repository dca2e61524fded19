// TCP keeps what the kit asks, on every engine.
#include <libasync/testing/check_stream.hpp>

#include <doctest/doctest.h>

#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<stream_pair> connected() { return connected_pair(); }

}  // namespace

TEST_CASE("TCP streams keep what a byte_stream promises") {
    CHECK_NOTHROW(async::run(async::testing::check_stream(connected)));
}
