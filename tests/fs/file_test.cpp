#include <libasync/fs/file.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/files.hpp>
#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;
using async::file;

namespace {

task<std::string> read_text(file& f, std::size_t size, std::uint64_t offset) {
    std::string text(size, '\0');
    std::size_t used = 0;
    while (used < size) {
        const std::span<char> rest(text.data() + used, size - used);
        const std::size_t count = co_await f.read_at(std::as_writable_bytes(rest), offset + used);
        if (count == 0) break;
        used += count;
    }
    text.resize(used);
    co_return text;
}

}  // namespace

TEST_CASE("modes: read must exist, write truncates, read_write keeps, create_new must not exist, append goes "
          "to the end") {
    const temporary_directory directory;
    async::run([](const temporary_directory& directory) -> task<void> {
        const std::string path = directory / "file";
        std::error_code code = co_await error_of(file::open(path, open_mode::read));
        CHECK(code == std::errc::no_such_file_or_directory);
        code = co_await error_of(file::open(path, open_mode::read_write));
        CHECK(code == std::errc::no_such_file_or_directory);
        {
            file f = co_await file::open(path, open_mode::create_new);
            co_await f.write_at("created", 0);
            const std::string back = co_await read_text(f, 20, 0);
            CHECK(back == "created");
        }
        code = co_await error_of(file::open(path, open_mode::create_new));
        CHECK(code == std::errc::file_exists);
        {
            file f = co_await file::open(path, open_mode::read_write);
            co_await f.write_at("CR", 0);
            const std::string back = co_await read_text(f, 20, 0);
            CHECK(back == "CReated");
        }
        {
            file f = co_await file::open(path, open_mode::append);
            co_await f.write_at(" more", 0);
        }
        CHECK(directory.load("file") == "CReated more");
        {
            file f = co_await file::open(path);
            const std::error_code denied = co_await error_of(f.write_at("x", 0));
            CHECK(denied);
            const std::string back = co_await read_text(f, 20, 8);
            CHECK(back == "more");
        }
        {
            file f = co_await file::open(path, open_mode::write);
            CHECK(directory.load("file").empty());
            co_await f.write_at("w", 0);
        }
        CHECK(directory.load("file") == "w");
    }(directory));
}

TEST_CASE("a file that is not there is an error with the path, and so is a directory") {
    const temporary_directory directory;
    async::run([](const temporary_directory& directory) -> task<void> {
        const std::string missing = directory / "missing";
        std::string message = co_await message_of(file::open(missing));
        CHECK(message.find(missing) != std::string::npos);
        CHECK(message.find("open") != std::string::npos);
        message = co_await message_of(read_file(missing));
        CHECK(message.find(missing) != std::string::npos);
        message = co_await message_of(write_file(missing + "/below", "x"));
        CHECK(message.find(missing) != std::string::npos);

        message = co_await message_of(read_file(directory.string()));
        CHECK(message.find(directory.string()) != std::string::npos);
        const std::error_code code = co_await error_of(write_file(directory.string(), "x"));
        CHECK(code);
    }(directory));
}

TEST_CASE("reads and writes at positions; reading at the end or beyond gives nothing") {
    const temporary_directory directory;
    directory.store("file", "0123456789");
    async::run([](const temporary_directory& directory) -> task<void> {
        file f = co_await file::open(directory / "file", open_mode::read_write);
        std::uint64_t size = co_await f.size();
        CHECK(size == 10);
        std::string text = co_await read_text(f, 4, 3);
        CHECK(text == "3456");
        text = co_await read_text(f, 100, 8);
        CHECK(text == "89");
        text = co_await read_text(f, 4, 10);
        CHECK(text.empty());
        text = co_await read_text(f, 4, 1000);
        CHECK(text.empty());
        text = co_await read_text(f, 0, 0);
        CHECK(text.empty());
        co_await f.write_at("ab", 12);
        size = co_await f.size();
        CHECK(size == 14);
        text = co_await read_text(f, 4, 10);
        CHECK(text == std::string("\0\0ab", 4));
        co_await f.write_at("", 100);
        size = co_await f.size();
        CHECK(size == 14);
        co_await f.sync();
    }(directory));
}

TEST_CASE("a closed file gives errc::closed; closing it again does nothing") {
    const temporary_directory directory;
    directory.store("file", "x");
    async::run([](const temporary_directory& directory) -> task<void> {
        file never_open;
        file closed = co_await file::open(directory / "file");
        CHECK(closed.is_open());
        CHECK(closed.handle() != invalid_handle);
        co_await closed.close();
        for (file* f : {&never_open, &closed}) {
            CHECK_FALSE(f->is_open());
            CHECK(f->handle() == invalid_handle);
            std::byte buffer[4];
            const std::error_code read = co_await error_of(f->read_at(buffer, 0));
            const std::error_code write = co_await error_of(f->write_at("x", 0));
            const std::error_code size = co_await error_of(f->size());
            const std::error_code sync = co_await error_of(f->sync());
            CHECK(read == errc::closed);
            CHECK(write == errc::closed);
            CHECK(size == errc::closed);
            CHECK(sync == errc::closed);
            co_await f->close();
        }
    }(directory));
}

TEST_CASE("close takes effect in a cancelled scope") {
    const temporary_directory directory;
    directory.store("file", "x");
    const int before = open_descriptors();
    async::run([](const temporary_directory& directory) -> task<void> {
        file f = co_await file::open(directory / "file");
        cancel_scope scope;
        scope.cancel();
        static_cast<void>(co_await scope.run(f.close()));
        CHECK_FALSE(f.is_open());
    }(directory));
    CHECK(open_descriptors() == before);
}

TEST_CASE("whole files are written and read back: 0 B, 1 B, 4 KiB and around it, 1 MiB") {
    const temporary_directory directory;
    async::run([](const temporary_directory& directory) -> task<void> {
        for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{4095}, std::size_t{4096},
                                       std::size_t{4097}, std::size_t{1} << 20}) {
            CAPTURE(size);
            const std::string text = pattern(size);
            const std::string name = "file" + std::to_string(size);
            const std::string path = directory / name;
            co_await write_file(path, text);
            CHECK((directory.load(name) == text));
            const std::string back = co_await read_file(path);
            CHECK((back == text));
            co_await write_file(path, "short");
            CHECK(directory.load(name) == "short");
        }
    }(directory));
}

#ifdef __linux__

namespace {

// Where nothing can be written, as long as it lives.
class full_disk {
public:
    full_disk() { set_capacity(0); }
    full_disk(const full_disk&) = delete;
    full_disk& operator=(const full_disk&) = delete;
    ~full_disk() { set_capacity(io::sim::file_system::default_capacity); }

    std::string file() const { return on_sim() ? "/tmp/full" : "/dev/full"; }

private:
    static void set_capacity(std::uint64_t bytes) {
        if (on_sim()) io::sim::world_of_thread()->files.set_capacity(bytes);
    }
};

}  // namespace

TEST_CASE("a full disk is an error with the path") {
    const full_disk disk;
    async::run([](std::string path) -> task<void> {
        std::error_code code;
        std::string message;
        try {
            co_await write_file(path, "does not fit");
        } catch (const std::system_error& e) {
            code = e.code();
            message = e.what();
        }
        CHECK(code == std::errc::no_space_on_device);
        CHECK(message.find(path) != std::string::npos);
    }(disk.file()));
}

TEST_CASE("files without a size are read to their end") {
    if (on_sim()) {
        MESSAGE("skipped: a simulated disk has no files without a size");
        return;
    }
    async::run([]() -> task<void> {
        const std::string status = co_await read_file("/proc/self/status");
        CHECK(status.find("Pid:") != std::string::npos);
        const std::string nothing = co_await read_file("/dev/null");
        CHECK(nothing.empty());
    }());
}

#endif

TEST_CASE("many files at once, by gather") {
    const temporary_directory directory;
    const int before = open_descriptors();
    async::run([](const temporary_directory& directory) -> task<void> {
        auto round_trip = [](std::string path, int n) -> task<bool> {
            const std::string text = pattern(static_cast<std::size_t>(n) * 997) + std::to_string(n);
            co_await write_file(path, text);
            co_return co_await read_file(path) == text;
        };
        std::vector<task<bool>> all;
        for (int n = 0; n < 100; ++n) all.push_back(round_trip(directory / std::to_string(n), n));
        const std::vector<bool> right = co_await gather(std::move(all));
        for (const bool r : right) CHECK(r);
    }(directory));
    CHECK(open_descriptors() == before);
}

TEST_CASE("many operations on one file at once") {
    const temporary_directory directory;
    async::run([](const temporary_directory& directory) -> task<void> {
        file f = co_await file::open(directory / "file", open_mode::create_new);
        std::vector<task<void>> writes;
        for (unsigned n = 0; n < 26; ++n) {
            auto write = [](file& f, unsigned n) -> task<void> {
                const std::string text(1000, static_cast<char>('a' + n));
                co_await f.write_at(text, std::uint64_t{n} * 1000);
            };
            writes.push_back(write(f, n));
        }
        co_await gather(std::move(writes));
        const std::string text = co_await read_text(f, 26'000, 0);
        REQUIRE(text.size() == 26'000);
        bool right = true;
        for (std::size_t i = 0; i < text.size(); ++i) right = right && text[i] == static_cast<char>('a' + i / 1000);
        CHECK(right);
    }(directory));
}

TEST_CASE("a file may be closed by its destructor while operations are pending; it is busy for close until then") {
    const temporary_directory directory;
    const std::string text = pattern(1 << 20);
    directory.store("file", text);
    const int before = open_descriptors();
    async::run([](const temporary_directory& directory, const std::string& text) -> task<void> {
        auto f = std::make_unique<file>(co_await file::open(directory / "file"));
        auto read = [](file& f, std::size_t size) -> task<std::string> {
            std::string text(size, '\0');
            const std::size_t count = co_await f.read_at(std::as_writable_bytes(std::span(text)), 0);
            text.resize(count);
            co_return text;
        };
        auto reader = create_task(read(*f, text.size()));
        while (!reader.done()) {
            co_await yield();
            std::error_code code;
            try {
                co_await f->close();
            } catch (const std::system_error& e) {
                code = e.code();
            }
            CHECK((reader.done() || code == errc::busy));
            if (!code) break;
        }
        co_await reader.wait();
        f = std::make_unique<file>(co_await file::open(directory / "file"));
        auto second = create_task(read(*f, text.size()));
        co_await yield();
        f.reset();
        co_await second.wait();
        if (second.exception()) {
            CHECK(what_of(second.exception()).find("closed") != std::string::npos);
        } else {
            CHECK((text.find(second.result()) == 0));
        }
    }(directory, text));
    CHECK(open_descriptors() == before);
}

TEST_CASE("cancelled operations leave no descriptor behind, whenever the cancellation comes") {
    const temporary_directory directory;
    directory.store("file", pattern(100'000));
    const int before = open_descriptors();
    async::run([](const temporary_directory& directory) -> task<void> {
        const std::string path = directory / "file";
        int finished = 0;
        int cut_short = 0;
        for (int i = 0; i < 100; ++i) {
            const auto patience = std::chrono::microseconds(i % 10 == 0 ? 0 : i * 3);
            const std::optional<std::string> got = co_await move_on_after(patience, read_file(path));
            if (got) CHECK(got->size() == 100'000);
            (got ? finished : cut_short) += 1;
            static_cast<void>(co_await move_on_after(patience, file::open(path)));
            static_cast<void>(co_await move_on_after(patience, write_file(path + ".new", "some text")));
        }
        CHECK(cut_short > 0);
        CHECK(finished + cut_short == 100);
    }(directory));
    CHECK(open_descriptors() == before);
}

TEST_CASE("the path is copied at the call: a temporary may name it") {
    const temporary_directory directory;
    directory.store("file", "content");
    async::run([](const temporary_directory& directory) -> task<void> {
        task<std::string> whole = read_file(std::string(directory / "file"));
        task<file> opening = file::open(std::string(directory / "file"));
        co_await yield();
        const std::string text = co_await std::move(whole);
        CHECK(text == "content");
        file f = co_await std::move(opening);
        CHECK(f.is_open());
        file other = std::move(f);
        CHECK_FALSE(f.is_open());
        f = std::move(other);
        const std::string again = co_await read_text(f, 7, 0);
        CHECK(again == "content");
    }(directory));
}

TEST_CASE("a file that is closed leaves another alone that gets its descriptor meanwhile") {
    const temporary_directory directory;
    directory.store("file", "content");
    async::run([](const temporary_directory& directory) -> task<void> {
        const std::string path = directory / "file";
        for (int i = 0; i < 100; ++i) {
            file first = co_await file::open(path);
            auto both = co_await gather(first.close(), file::open(path));
            const std::string text = co_await read_text(std::get<1>(both), 7, 0);
            CHECK(text == "content");
        }
    }(directory));
}
