// Streams of any type behind one face, so that the checks are compiled once; and what the checks have in common.
#pragma once

#include <memory>
#include <random>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

#include <libasync/coro/task.hpp>
#include <libasync/net/byte_stream.hpp>

namespace async::inline v0::testing::internal {

class stream_under_test {
public:
    virtual ~stream_under_test() = default;
    virtual task<chunk> read() = 0;
    virtual task<std::size_t> read_some(std::span<std::byte> into) = 0;
    virtual task<void> write(const_bytes bytes) = 0;
    virtual task<void> write(const_bytes first, const_bytes second, const_bytes third) = 0;
    virtual std::uint64_t written() const = 0;
    virtual task<void> shutdown_write() = 0;
    virtual task<void> close() = 0;
    virtual void abort() noexcept = 0;
    virtual bool is_open() const = 0;
};

template <byte_stream S>
class stream_model final : public stream_under_test {
public:
    explicit stream_model(S s) : stream_(std::move(s)) {}

    task<chunk> read() override { return async::detail::into_task(stream_.read()); }
    task<std::size_t> read_some(std::span<std::byte> into) override {
        return async::detail::into_task(stream_.read_some(into));
    }
    task<void> write(const_bytes bytes) override { return async::detail::into_task(stream_.write(bytes)); }
    task<void> write(const_bytes first, const_bytes second, const_bytes third) override {
        return async::detail::into_task(stream_.write(first, second, third));
    }
    std::uint64_t written() const override { return stream_.written(); }
    task<void> shutdown_write() override { return async::detail::into_task(stream_.shutdown_write()); }
    task<void> close() override { return async::detail::into_task(stream_.close()); }
    void abort() noexcept override { stream_.abort(); }
    bool is_open() const override { return stream_.is_open(); }

private:
    S stream_;
};

using stream_holder = std::unique_ptr<stream_under_test>;

// Two ends of one connection.
struct connection {
    stream_holder near;
    stream_holder far;

    connection(stream_holder n, stream_holder f) noexcept : near(std::move(n)), far(std::move(f)) {}
};

// What a check works with.
class stream_kit {
public:
    virtual task<connection> connect() = 0;

    std::size_t more_than_buffers = 0;  // bytes that do not fit between two ends
    std::minstd_rand random;

protected:
    ~stream_kit() = default;
};

struct stream_check {
    const char* requirement;
    task<void> (*run)(stream_kit&);
};

// The checks by subject.
std::span<const stream_check> transfer_checks() noexcept;
std::span<const stream_check> end_checks() noexcept;
std::span<const stream_check> closing_checks() noexcept;
std::span<const stream_check> cancellation_checks() noexcept;
std::span<const stream_check> poisoning_checks() noexcept;

// What a check has found; becomes a check_failure that names the requirement.
struct unmet {
    std::string detail;
    std::source_location where;
};

inline void require(bool holds, std::string_view detail, std::source_location where = std::source_location::current()) {
    if (!holds) throw unmet{std::string(detail), where};
}

// Text that shows where a piece is missing, doubled or moved.
std::string pattern(std::size_t size);

// Reads and compares: the next bytes must be `expected`; the end must be there, and stay.
enum class reading : std::uint8_t { chunks, tiny_pieces, pieces, in_turn };
task<void> expect_text(stream_under_test& stream, std::string_view expected, reading how,
                       std::source_location where = std::source_location::current());
task<void> expect_end(stream_under_test& stream, std::source_location where = std::source_location::current());

// Keeps what it writes, for a task that may outlive a check which has failed.
task<void> write_text(stream_under_test& stream, std::string text);

// The error that `t` ends with, or zero.
task<std::error_code> error_of(task<void> t);
task<std::error_code> error_of_read(stream_under_test& stream);
task<std::error_code> error_of_read_some(stream_under_test& stream);

}  // namespace async::inline v0::testing::internal
