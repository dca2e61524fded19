// Visits, and the two queues.
#include "uring_harness.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <thread>

using namespace uring_test;

TEST_CASE("a visit with nothing to do does not enter the kernel") {
    test_driver driver;
    if (!driver) return;
    driver.settle();
    const auto before = driver.enters();
    for (int i = 0; i < 100; ++i) driver.turn();
    CHECK(driver.enters() == before);
    CHECK_FALSE(driver->has_news());
    CHECK_FALSE(driver->has_queued());
}

TEST_CASE("a visit enters the kernel at most once") {
    test_driver driver;
    if (!driver) return;
    pair p(*driver);
    driver.settle();
    receive_chunk_op op(p.stream.get());
    REQUIRE_FALSE(driver->start(op));
    CHECK(driver->has_queued());
    auto before = driver.enters();
    driver.turn();
    CHECK(driver.enters() == before + 1);
    CHECK_FALSE(driver->has_queued());
    p.feed("hello");
    CHECK(driver->has_news());
    before = driver.enters();
    driver.turn(1s);
    CHECK(driver.enters() == before + 1);
    CHECK(op.state == op_state::done);
    CHECK(op.received.text() == "hello");
}

TEST_CASE("a visit waits for its deadline and no longer") {
    test_driver driver;
    if (!driver) return;
    driver.settle();
    auto before = driver->clock();
    driver.turn(30ms);
    CHECK(driver->clock() - before >= 30ms);
    CHECK(driver->clock() - before < 5s);
    before = driver->clock();
    driver->visit(before - 10s);
    CHECK(driver->clock() - before < 5s);
}

TEST_CASE("a post ends a wait, from a thread and from a signal handler") {
    for (const std::string& features : {""s, "multishot_poll"s}) {
        CAPTURE(features);
        const disabled without(features.c_str());
        test_driver driver;
        if (!driver) return;
        driver.settle();
        for (int round = 0; round < 20; ++round) {
            async::detail::ready_node node;
            bool ran = false;
            std::thread poster([&] {
                std::this_thread::sleep_for(1ms);
                driver->post(node);
            });
            driver->visit(driver->clock() + 10s);
            while (driver->completed.empty()) driver->visit(driver->clock() + 10s);
            ran = driver->completed.pop_front() == &node;
            poster.join();
            CHECK(ran);
        }
        static engine* target;
        static async::detail::ready_node from_signal;
        target = &*driver;
        std::signal(SIGALRM, [](int) { target->post(from_signal); });
        ::ualarm(5000, 0);
        const auto before = driver->clock();
        while (driver->completed.empty()) driver->visit(driver->clock() + 10s);
        CHECK(driver->clock() - before < 5s);
        driver->completed.pop_front();
        std::signal(SIGALRM, SIG_DFL);
    }
}

TEST_CASE("the wait handle becomes readable when a visit would find something") {
    test_driver driver;
    if (!driver) return;
    pair p(*driver);
    const int handle = static_cast<int>(driver->wait_handle());
    receive_chunk_op op(p.stream.get());
    REQUIRE_FALSE(driver->start(op));
    driver.settle();
    const auto readable = [&] {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(handle, &set);
        timeval now{0, 0};
        return ::select(handle + 1, &set, nullptr, nullptr, &now) == 1;
    };
    CHECK_FALSE(readable());
    p.feed("x");
    CHECK(readable());
    REQUIRE(driver.finish(op));
    driver.settle();
    CHECK_FALSE(readable());
    async::detail::ready_node node;
    driver->post(node);
    CHECK(readable());
    driver->visit(async::time_point::min());
    CHECK(driver->completed.pop_front() == &node);
}

namespace {

struct file {
    file() : fd(::memfd_create("test", MFD_CLOEXEC)) { REQUIRE(::write(fd, "content", 7) == 7); }
    ~file() { ::close(fd); }
    int fd;
};

struct read_into : transfer_op {
    explicit read_into(int fd) : transfer_op(op_kind::read_at, fd, text, sizeof text, 0) {}
    char text[7];
};

// Starts that many operations in one turn, and sees each end well.
void start_many(test_driver& driver, std::size_t count) {
    const file f;
    std::vector<std::unique_ptr<read_into>> reads;
    for (std::size_t i = 0; i < count; ++i) {
        reads.push_back(std::make_unique<read_into>(f.fd));
        driver->start(*reads.back());
    }
    for (auto& op : reads) {
        REQUIRE(driver.finish(*op));
        REQUIRE(op->error == 0);
        REQUIRE(op->result == 7);
        REQUIRE(std::string(op->text, 7) == "content");
    }
}

}  // namespace

TEST_CASE("more operations start in a turn than the submission queue holds") {
    test_driver driver;
    if (!driver) return;
    start_many(driver, 1000);
}

TEST_CASE("the kernel starts few threads for files") {
    test_driver driver;
    if (!driver) return;
    const auto threads = [] {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) count += entry.exists();
        return count;
    };
    const std::size_t before = threads();
    std::size_t most = 0;
    std::vector<std::unique_ptr<open_file_op>> ops;
    for (int i = 0; i < 500; ++i) {
        ops.push_back(std::make_unique<open_file_op>("/dev/null", open_mode::write));
        driver->start(*ops.back());
        if (i % 100 == 0) driver.turn();
        most = std::max(most, threads());
    }
    for (auto& op : ops) {
        REQUIRE(driver.finish(*op));
        CHECK(op->error == 0);
        most = std::max(most, threads());
    }
    CHECK(most <= before + 12);
}

TEST_CASE("more operations end in a turn than the completion queue holds") {
    for (const std::string& features : {""s, "defer_taskrun"s}) {
        CAPTURE(features);
        const disabled without(features.c_str());
        test_driver driver;
        if (!driver) return;
        start_many(driver, 10'000);
        start_many(driver, 10);
        CHECK(driver->statistics().completions >= 10'010);
    }
}

TEST_CASE("an engine can be made and dropped many times") {
    for (int i = 0; i < 50; ++i) {
        test_driver driver;
        if (!driver) return;
        pair p(*driver);
        receive_chunk_op op(p.stream.get());
        REQUIRE_FALSE(driver->start(op));
        driver.turn();
        driver->cancel(op);
        REQUIRE(driver.finish(op));
    }
}

TEST_CASE("chunks and sockets may outlive the engine") {
    test_driver driver;
    if (!driver) return;
    pair p(*driver);
    p.feed("hello");
    receive_chunk_op op(p.stream.get());
    REQUIRE(driver.run(op));
    pair large(*driver);
    receive_op some(large.stream.get(), nullptr, 0);
    CHECK(driver.run(some));
    const int fd = static_cast<int>(p.stream->handle);
    driver->shut_down();
    CHECK_FALSE(open_descriptor(fd));
    CHECK(p.stream->owner == nullptr);
    CHECK(p.stream->handle == async::invalid_handle);
    driver.destroy();
    CHECK(op.received.text() == "hello");
    std::thread([c = std::move(op.received)]() mutable { c.release(); }).join();
}
