// Closing, aborting and destroying, with and without something pending.
#include <libasync/coro/gather.hpp>
#include <libasync/coro/task_handle.hpp>
#include <libasync/testing/stream_under_test.hpp>
#include <libasync/testing/wait_all_tasks_blocked.hpp>

namespace async::inline v0::testing::internal {

namespace {

void require_closed(std::error_code error, const char* what) {
    require(error == errc::closed, std::string(what) + (error ? " gives " + error.message() : " succeeds"));
}

task<void> require_all_closed(stream_under_test& stream) {
    require(!stream.is_open(), "is_open() is true");
    std::error_code error = co_await error_of_read(stream);
    require_closed(error, "read()");
    error = co_await error_of_read_some(stream);
    require_closed(error, "read_some");
    error = co_await error_of(stream.write(std::string_view("late")));
    require_closed(error, "write");
    error = co_await error_of(stream.write(std::string_view("very"), std::string_view(), std::string_view("late")));
    require_closed(error, "write of several buffers");
    error = co_await error_of(stream.shutdown_write());
    require_closed(error, "shutdown_write");
    stream.abort();
    co_await stream.close();
}

task<void> everything_is_refused(stream_kit& kit) {
    connection c = co_await kit.connect();
    co_await c.near->close();
    co_await require_all_closed(*c.near);
    co_await c.near->close();
    c.far->abort();
    co_await require_all_closed(*c.far);
}

task<void> peer_reads_all(stream_kit& kit) {
    connection c = co_await kit.connect();
    const std::string text = pattern(100'000);
    auto write = [](stream_under_test& stream, std::string_view text) -> task<void> {
        co_await stream.write(text);
        co_await stream.close();
    };
    co_await gather(write(*c.near, text), expect_text(*c.far, text, reading::chunks));
    co_await expect_end(*c.far);
}

// A read and a write that wait on one stream, and how they end.
struct pending_operations {
    explicit pending_operations(stream_under_test& stream, std::size_t size)
        : read(create_task(error_of_read(stream))),
          write(create_task(error_of(write_text(stream, pattern(size))))) {}

    task<void> require_pending() const {
        co_await wait_all_tasks_blocked();
        require(!read.done(), "a read ends before anything was sent");
        require(!write.done(), "a write ends before the peer has read");
    }
    task<void> require_ended() {
        std::error_code error = co_await read;
        require_closed(error, "a pending read");
        error = co_await write;
        require_closed(error, "a pending write");
    }

    task_handle<std::error_code> read;
    task_handle<std::error_code> write;
};

task<void> close_wakes(stream_kit& kit) {
    connection c = co_await kit.connect();
    pending_operations pending(*c.near, kit.more_than_buffers);
    co_await pending.require_pending();
    co_await c.near->close();
    co_await pending.require_ended();
    co_await require_all_closed(*c.near);
}

task<void> abort_wakes(stream_kit& kit) {
    connection c = co_await kit.connect();
    pending_operations pending(*c.near, kit.more_than_buffers);
    co_await pending.require_pending();
    c.near->abort();
    co_await pending.require_ended();
}

task<void> destruction_wakes(stream_kit& kit) {
    connection c = co_await kit.connect();
    pending_operations pending(*c.near, kit.more_than_buffers);
    co_await pending.require_pending();
    c.near.reset();
    co_await pending.require_ended();
}

// Reads until there is no more, and gives the error that this was.
task<std::error_code> read_to_the_end(stream_under_test& stream) {
    try {
        for (;;) {
            const chunk data = co_await stream.read();
            if (data.empty()) co_return std::error_code{};
        }
    } catch (const std::system_error& e) {
        co_return e.code();
    }
}

bool tells_of_a_lost_peer(std::error_code error) {
    return error == std::errc::connection_reset || error == std::errc::broken_pipe ||
           error == std::errc::connection_aborted;
}

task<void> peer_learns_of_abort(stream_kit& kit) {
    connection c = co_await kit.connect();
    auto reader = create_task(read_to_the_end(*c.far));
    co_await wait_all_tasks_blocked();
    c.near->abort();
    require(!c.near->is_open(), "is_open() is true");
    const std::error_code error = co_await reader;
    require(!error || tells_of_a_lost_peer(error), "a read gives " + error.message());
    const std::string text = pattern(kit.more_than_buffers);
    const std::error_code refused = co_await error_of(c.far->write(text));
    require(tells_of_a_lost_peer(refused), refused ? "a write gives " + refused.message() : "a write succeeds");
}

task<void> peer_learns_of_destruction(stream_kit& kit) {
    connection c = co_await kit.connect();
    auto reader = create_task(read_to_the_end(*c.far));
    co_await wait_all_tasks_blocked();
    c.near.reset();
    const std::error_code error = co_await reader;
    require(!error || tells_of_a_lost_peer(error), "a read gives " + error.message());
}

constexpr stream_check checks[] = {
    {"a closed stream refuses everything but close and abort", &everything_is_refused},
    {"close lets the peer read all that was written, and then the end", &peer_reads_all},
    {"close ends what is pending with errc::closed", &close_wakes},
    {"abort ends what is pending with errc::closed", &abort_wakes},
    {"destruction ends what is pending with errc::closed", &destruction_wakes},
    {"abort gives the peer an end or an error", &peer_learns_of_abort},
    {"destruction gives the peer an end or an error", &peer_learns_of_destruction},
};

}  // namespace

std::span<const stream_check> closing_checks() noexcept { return checks; }

}  // namespace async::inline v0::testing::internal
