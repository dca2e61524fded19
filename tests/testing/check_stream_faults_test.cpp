// What the kit finds: nothing in TCP streams however small their buffers are, and each kind of fault in a wrapper.
#include <libasync/testing/check_stream.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include <libasync/sim/simulation.hpp>

#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;
using async::testing::check_failure;
using async::testing::check_stream;
using async::testing::check_stream_options;

namespace {

task<stream_pair> connected_with_small_buffers() {
    return connected_pair({.receive_buffer = 1 << 18, .send_buffer = 1 << 18});
}

enum class fault : std::uint8_t {
    none,
    drops_a_byte,
    doubles_a_byte,
    swaps_buffers,
    forgets_the_end,
    loses_bytes_on_cancel,
    ends_writes_early,
    lets_two_read,
    keeps_pending_on_close,
    forgets_that_it_is_broken,
    miscounts,
};

// A TCP stream with one fault.
class faulty_stream {
public:
    faulty_stream(tcp_stream s, fault f) : stream_(std::move(s)), fault_(f) {}

    // Stream and fault may be gone when what they await ends, the notes are not.
    task<chunk> read() {
        const fault f = fault_;
        const std::shared_ptr<notes> n = notes_;
        if (f == fault::forgets_the_end && n->ended) throw std::system_error(make_error_code(errc::closed), "read");
        if (f == fault::lets_two_read && n->reading) co_return chunk::copy_of("?");
        n->reading = true;
        const reset_at_end done{n->reading};
        chunk data = co_await stream_.read();
        if (f == fault::loses_bytes_on_cancel) {
            co_await yield();
            co_await yield();  // refused if a cancellation came meanwhile
        }
        n->ended = data.empty();
        n->total += data.size();
        if (n->total < 1000 || data.empty()) co_return data;
        if (f == fault::drops_a_byte) data.remove_prefix(1);
        if (f != fault::doubles_a_byte) co_return data;
        const std::string more = std::string(data.text()) + data.text().back();
        co_return chunk::copy_of(more);
    }
    task<std::size_t> read_some(std::span<std::byte> into) { co_return co_await stream_.read_some(into); }

    task<void> write(const_bytes bytes) {
        if (fault_ == fault::ends_writes_early && bytes.size() > 2'000'000) {
            create_task(write_behind(std::string(static_cast<const char*>(bytes.data()), bytes.size())));
            co_return;
        }
        const fault f = fault_;
        try {
            co_await stream_.write(bytes);
        } catch (const std::system_error& e) {
            if (f != fault::forgets_that_it_is_broken || e.code() != errc::broken) throw;
        }
    }
    task<void> write(const_bytes first, const_bytes second, const_bytes third) {
        if (fault_ == fault::swaps_buffers) std::swap(first, third);
        co_await stream_.write(first, second, third);
    }

    std::uint64_t written() const { return fault_ == fault::miscounts ? 0 : stream_.written(); }
    auto shutdown_write() { return stream_.shutdown_write(); }
    task<void> close() {
        if (fault_ == fault::keeps_pending_on_close && notes_->reading) co_return;
        co_await stream_.close();
    }
    void abort() noexcept { stream_.abort(); }
    bool is_open() const { return stream_.is_open(); }

private:
    struct notes {
        std::size_t total = 0;
        bool ended = false;
        bool reading = false;
    };
    struct reset_at_end {
        bool& flag;
        explicit reset_at_end(bool& f) : flag(f) {}
        ~reset_at_end() { flag = false; }
    };

    task<void> write_behind(std::string text) {
        try {
            co_await stream_.write(text);
        } catch (const std::system_error&) {
        }
    }

    tcp_stream stream_;
    fault fault_;
    std::shared_ptr<notes> notes_ = std::make_shared<notes>();
};

static_assert(async::byte_stream<faulty_stream>);

struct faulty_pair {
    faulty_stream near;
    faulty_stream far;
    faulty_pair(faulty_stream n, faulty_stream f) : near(std::move(n)), far(std::move(f)) {}
};

task<faulty_pair> connected_with(fault f) {
    stream_pair pair = co_await connected_pair({.receive_buffer = 1 << 18, .send_buffer = 1 << 18});
    co_return faulty_pair(faulty_stream(std::move(pair.client), f), faulty_stream(std::move(pair.server), f));
}

constexpr check_stream_options small_buffers{.more_than_buffers = std::size_t{4} << 20};

// What the kit says of streams with that fault; empty if it finds none.
std::string found(fault f, check_stream_options options = small_buffers) {
    const auto make = [f] { return connected_with(f); };
    try {
        async::run(check_stream(make, options));
    } catch (const check_failure& e) {
        return e.what();
    }
    return {};
}

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("TCP streams with small buffers keep what a byte_stream promises") {
    CHECK_NOTHROW(async::run(check_stream(connected_with_small_buffers, small_buffers)));
}

TEST_CASE("a wrapper without a fault passes") { CHECK(found(fault::none) == ""); }

TEST_CASE("each fault is found, and the requirement that is not met is named") {
    struct expectation {
        fault f;
        const char* requirement;
    };
    for (const auto& [f, requirement] : std::vector<expectation>{
             {fault::drops_a_byte, "bytes arrive complete and in order"},
             {fault::doubles_a_byte, "bytes arrive complete and in order"},
             {fault::swaps_buffers, "several buffers in one write arrive in their order"},
             {fault::forgets_the_end, "the end is read after the last byte, and then each time"},
             {fault::loses_bytes_on_cancel, "loses none"},
             {fault::ends_writes_early, "a write of more than all buffers hold waits for the reader"},
             {fault::lets_two_read, "a second reader is refused"},
             {fault::forgets_that_it_is_broken, "poisons the stream"},
             {fault::miscounts, "both directions carry bytes"},
         }) {
        const std::string told = found(f);
        CAPTURE(told);
        CAPTURE(std::string(requirement));
        CHECK(contains(told, requirement));
    }
}

TEST_CASE("a failure names the line of the check") {
    CHECK(contains(found(fault::drops_a_byte), "transfer_checks.cpp:"));
}

TEST_CASE("what never ends is found when the patience does") {
    const auto make = [] { return connected_with(fault::keeps_pending_on_close); };
    std::string told;
    try {
        async::sim::run(1, check_stream(make, small_buffers));
    } catch (const check_failure& e) {
        told = e.what();
    }
    CAPTURE(told);
    CHECK(contains(told, "close ends what is pending with errc::closed"));
    CHECK(contains(told, "longer than it may"));
}
