// What runs in the thread pool of an engine, or would where the system has nothing better: work and files.
#include "engine_harness.hpp"

#include <atomic>
#include <filesystem>
#include <thread>

using namespace engine_tests;

namespace {

struct job : work_op {
    explicit job(std::function<void()> f)
        : work_op([](work_op& op) noexcept { static_cast<job&>(op).body(); }),
          body(std::move(f)) {}
    std::function<void()> body;
};

class gate {
public:
    void open() { open_.store(true); }
    void pass() const {
        while (!open_.load()) std::this_thread::sleep_for(1ms);
    }

private:
    std::atomic<bool> open_{false};
};

class scratch_file {
public:
    explicit scratch_file(driver& d) {
        static int count = 0;
        const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
        const std::u8string folder = std::filesystem::temp_directory_path().u8string();
        path_.assign(folder.begin(), folder.end());
        if (async_tests::simulated(d.get())) path_ = "/tmp";
        path_ += "/libasync-t\xc3\xa4st-" + std::to_string(now) + "-" + std::to_string(count++);
    }
    ~scratch_file() {
        std::error_code ignored;
        std::filesystem::remove(std::u8string(path_.begin(), path_.end()), ignored);
    }
    const char* path() const { return path_.c_str(); }

private:
    std::string path_;
};

// Goes on after a short transfer.
std::error_code transfer(driver& d, op_kind kind, native_handle file, void* data, std::size_t size,
                         std::uint64_t offset, std::int64_t& result) {
    for (result = 0;;) {
        const auto done = static_cast<std::size_t>(result);
        transfer_op op(kind, file, static_cast<char*>(data) + done, size - done, offset + done);
        const std::error_code error = d.run(op);
        result += op.result;
        if (error || op.result == 0 || static_cast<std::size_t>(result) == size) return error;
    }
}

file_handle open_file(driver& d, const char* path, open_mode mode) {
    open_file_op op(path, mode);
    REQUIRE(!d.run(op));
    REQUIRE(op.opened);
    return std::move(op.opened);
}

std::int64_t size_of(driver& d, const file_handle& file) {
    file_op op(op_kind::file_size, file.get());
    REQUIRE(!d.run(op));
    return op.result;
}

}  // namespace

TEST_CASE("work runs on another thread and comes back to the loop") {
    for_each_engine([](driver& d) {
        std::thread::id ran_on;
        job op([&] { ran_on = std::this_thread::get_id(); });
        CHECK(!d.run(op));
        CHECK(ran_on != std::thread::id{});
        CHECK(ran_on != std::this_thread::get_id());

        std::atomic<int> count{0};
        std::vector<std::unique_ptr<job>> jobs;
        for (int i = 0; i < 100; ++i) {
            jobs.push_back(std::make_unique<job>([&] { ++count; }));
            CHECK_FALSE(d.start(*jobs.back()));
        }
        for (auto& j : jobs) CHECK(d.wait_for(*j));
        CHECK(count == 100);
    });
}

TEST_CASE("work that runs goes on in spite of a cancel; work that waits in the queue does not begin") {
    engine_settings one_thread;
    one_thread.pool_threads = 1;
    for_each_engine(
        [](driver& d) {
            gate begun, release;
            bool second_ran = false;
            job first([&] {
                begun.open();
                release.pass();
            });
            job second([&] { second_ran = true; });
            CHECK_FALSE(d.start(first));
            begun.pass();
            CHECK_FALSE(d.start(second));
            d->cancel(first);
            d->cancel(second);
            CHECK(d.wait_for(second));
            CHECK(second.code() == std::errc::operation_canceled);
            d.settle();
            CHECK(first.state == op_state::pending);
            release.open();
            CHECK(d.wait_for(first));
            CHECK(!first.code());
            CHECK_FALSE(second_ran);
        },
        one_thread);
}

TEST_CASE("cancel_and_wait waits for work that runs, and drops work that does not") {
    engine_settings one_thread;
    one_thread.pool_threads = 1;
    for_each_engine(
        [](driver& d) {
            gate begun, release;
            std::atomic<bool> ended{false};
            bool queued_ran = false;
            {
                job running([&] {
                    begun.open();
                    release.pass();
                    std::this_thread::sleep_for(5ms);  // so that whoever does not wait for it is seen to be early
                    ended = true;
                });
                job queued([&] { queued_ran = true; });
                CHECK_FALSE(d.start(running));
                CHECK_FALSE(d.start(queued));
                begun.pass();
                d->cancel_and_wait(queued);
                release.open();
                d->cancel_and_wait(running);
                CHECK(ended);
                CHECK_FALSE(running.linked());
                CHECK_FALSE(queued.linked());
            }
            d.settle();
            CHECK_FALSE(queued_ran);
            for (int i = 0; i < 200; ++i) {
                job quick([] {});
                CHECK_FALSE(d.start(quick));
                if (i % 3 == 0) std::this_thread::yield();
                if (i % 5 == 0) d->visit(time_point::min());
                d->cancel_and_wait(quick);
                CHECK_FALSE(quick.linked());
            }
        },
        one_thread);
}

TEST_CASE("a file is written, measured, synchronised and read back") {
    for_each_engine([](driver& d) {
        scratch_file scratch(d);
        std::int64_t n = 0;
        std::string text = "hello, file";
        file_handle file = open_file(d, scratch.path(), open_mode::create_new);
        CHECK(!transfer(d, op_kind::write_at, file.get(), text.data(), text.size(), 0, n));
        CHECK(n == 11);
        CHECK(!transfer(d, op_kind::write_at, file.get(), text.data(), 5, 100, n));
        CHECK(size_of(d, file) == 105);
        file_op sync(op_kind::sync_file, file.get());
        CHECK(!d.run(sync));

        std::string back(200, '?');
        CHECK(!transfer(d, op_kind::read_at, file.get(), back.data(), 4, 7, n));
        CHECK(back.substr(0, 4) == "file");
        CHECK(!transfer(d, op_kind::read_at, file.get(), back.data(), back.size(), 100, n));
        CHECK(n == 5);
        CHECK(!transfer(d, op_kind::read_at, file.get(), back.data(), back.size(), 105, n));
        CHECK(n == 0);
        CHECK(!transfer(d, op_kind::read_at, file.get(), back.data(), back.size(), std::uint64_t{5} << 32, n));
        CHECK(n == 0);
        file_op close(op_kind::close_file, file.release());
        CHECK(!d.run(close));
    });
}

TEST_CASE("the open modes do what they say") {
    for_each_engine([](driver& d) {
        scratch_file scratch(d);
        std::int64_t n = 0;
        char text[] = "abc";
        {
            open_file_op op(scratch.path(), open_mode::read);
            CHECK(d.run(op) == std::errc::no_such_file_or_directory);
            CHECK_FALSE(op.opened);
            open_file_op both(scratch.path(), open_mode::read_write);
            CHECK(d.run(both) == std::errc::no_such_file_or_directory);
        }
        for (int i = 0; i < 2; ++i) {
            file_handle file = open_file(d, scratch.path(), open_mode::append);
            CHECK(!transfer(d, op_kind::write_at, file.get(), text, 3, 0, n));
            CHECK(size_of(d, file) == 3 * (i + 1));
        }
        {
            open_file_op op(scratch.path(), open_mode::create_new);
            CHECK(d.run(op) == std::errc::file_exists);
        }
        {
            file_handle file = open_file(d, scratch.path(), open_mode::read_write);
            CHECK(size_of(d, file) == 6);
            CHECK(!transfer(d, op_kind::write_at, file.get(), text, 1, 1, n));
            CHECK(size_of(d, file) == 6);
        }
        {
            file_handle file = open_file(d, scratch.path(), open_mode::read);
            CHECK(transfer(d, op_kind::write_at, file.get(), text, 1, 0, n));
        }
        file_handle file = open_file(d, scratch.path(), open_mode::write);
        CHECK(size_of(d, file) == 0);
    });
}

TEST_CASE("a file operation may be cancelled at any time") {
    for_each_engine([](driver& d) {
        scratch_file scratch(d);
        file_handle file = open_file(d, scratch.path(), open_mode::create_new);
        std::string block(1 << 16, 'x');
        for (int i = 0; i < 50; ++i) {
            transfer_op write(op_kind::write_at, file.get(), block.data(), block.size(), 0);
            if (!d.start(write)) d->cancel(write);
            CHECK(d.wait_for(write));
            if (write.error != 0) CHECK(write.code() == std::errc::operation_canceled);

            transfer_op read(op_kind::read_at, file.get(), block.data(), block.size(), 0);
            if (!d.start(read)) d->cancel_and_wait(read);
            CHECK_FALSE(read.linked());

            open_file_op open(scratch.path(), open_mode::read);
            if (!d.start(open)) d->cancel_and_wait(open);
            CHECK_FALSE(open.linked());
        }
    });
}
