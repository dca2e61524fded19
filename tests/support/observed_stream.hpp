// A TCP stream whose bytes a test watches, cuts in pieces and changes on their way.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include <tests/support/network.hpp>

namespace async_tests {

class observed_stream {
public:
    struct observer {
        std::vector<std::size_t> writes;            // the size of each
        std::size_t bytes_read = 0;
        std::size_t most_at_once = std::size_t(-1);  // that a read gives
        bool all_at_once = false;                    // a read gives that many, or waits
        bool held = false;  // writes wait for `released`
        async::event released;
        std::size_t change_at = std::size_t(-1);     // the byte read that arrives changed
    };

    explicit observed_stream(async::tcp_stream s)
        : stream_(std::make_shared<async::tcp_stream>(std::move(s))),
          seen_(std::make_shared<observer>()) {}

    std::shared_ptr<observer> seen() const { return seen_; }

    async::task<async::chunk> read() { return read_chunk(stream_, seen_); }
    async::task<std::size_t> read_some(std::span<std::byte> into) { return read_into(stream_, seen_, into); }
    template <class... Buffers>
    async::task<void> write(const Buffers&... buffers) {
        std::size_t size = 0;
        ((size += async::const_bytes(buffers).size()), ...);
        seen_->writes.push_back(size);
        auto write = async::detail::into_task(stream_->write(buffers...));
        return when_released(seen_, std::move(write));
    }
    std::uint64_t written() const { return stream_->written(); }
    async::task<void> shutdown_write() { return async::detail::into_task(stream_->shutdown_write()); }
    async::task<void> close() { return stream_->close(); }
    void abort() noexcept { stream_->abort(); }
    bool is_open() const { return stream_->is_open(); }

private:
    using stream_ptr = std::shared_ptr<async::tcp_stream>;
    using observer_ptr = std::shared_ptr<observer>;

    static async::task<void> when_released(observer_ptr seen, async::task<void> write) {
        if (seen->held) co_await seen->released.wait();
        co_await std::move(write);
    }

    static async::task<async::chunk> read_chunk(stream_ptr stream, observer_ptr seen) {
        if (seen->most_at_once == std::size_t(-1)) {
            async::chunk data = co_await stream->read();
            note(*seen, {data.data(), data.size()});
            co_return data;
        }
        std::vector<std::byte> memory(seen->most_at_once);
        std::size_t used = 0;
        do {
            const std::size_t count = co_await stream->read_some(std::span(memory).subspan(used));
            if (count == 0) break;
            used += count;
        } while (seen->all_at_once && used < memory.size());
        note(*seen, {memory.data(), used});
        co_return async::chunk::copy_of({memory.data(), used});
    }

    static async::task<std::size_t> read_into(stream_ptr stream, observer_ptr seen, std::span<std::byte> into) {
        const std::size_t count = co_await stream->read_some(into.first(std::min(into.size(), seen->most_at_once)));
        note(*seen, into.first(count));
        co_return count;
    }

    static void note(observer& seen, std::span<std::byte> bytes) {
        const std::size_t before = seen.bytes_read;
        seen.bytes_read += bytes.size();
        if (seen.change_at >= before && seen.change_at < seen.bytes_read) {
            bytes[seen.change_at - before] ^= std::byte{1};
        }
    }

    stream_ptr stream_;
    observer_ptr seen_;
};

}  // namespace async_tests
