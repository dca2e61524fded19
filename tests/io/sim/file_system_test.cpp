#include <libasync/io/sim/file_system.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <string>

#include <libasync/io/sim/world.hpp>

using namespace async;
using namespace async::io;
using namespace async::io::sim;

namespace {

std::shared_ptr<open_file> open(world& w, std::string_view path, open_mode mode) {
    int error = 0;
    auto file = w.files.open(path, mode, error);
    REQUIRE(error == 0);
    return file;
}

int error_of_open(world& w, std::string_view path, open_mode mode) {
    int error = 0;
    static_cast<void>(w.files.open(path, mode, error));
    return error;
}

transfer_result write(open_file& f, std::uint64_t offset, const std::string& text) {
    return f.write(offset, text.data(), text.size());
}

}  // namespace

TEST_CASE("what was stored is loaded; detours in paths lead to the same place") {
    world w(1);
    CHECK(w.files.store("/tmp/a", "content") == 0);
    CHECK(w.files.load("tmp/./x/..//a") == "content");
    CHECK(w.files.exists("/tmp/a"));
    CHECK_FALSE(w.files.load("/tmp").has_value());
    CHECK_FALSE(w.files.load("/tmp/b").has_value());
    CHECK(w.files.remove("/tmp/a") == 0);
    CHECK(w.files.remove("/tmp/a") == ENOENT);
    CHECK_FALSE(w.files.exists("/tmp/a"));
}

TEST_CASE("a page that was never written reads as zeros and takes no room") {
    world w(1);
    w.files.set_capacity(8 * file_content::page_size);
    const auto f = open(w, "/sparse", open_mode::create_new);
    CHECK(write(*f, 1'000'000'000, "end").bytes == 3);
    CHECK(f->size() == 1'000'000'003);
    char buffer[8] = "xxxxxxx";
    CHECK(f->read(999'999'996, buffer, 7).bytes == 7);
    CHECK(std::string(buffer, 7) == std::string("\0\0\0\0end", 7));
}

TEST_CASE("a full disk takes what fits, then nothing") {
    world w(1);
    w.files.set_capacity(2 * file_content::page_size);
    const auto f = open(w, "/big", open_mode::write);
    CHECK(write(*f, 100, std::string(10'000, 'x')).bytes == 2 * file_content::page_size - 100);
    CHECK(write(*f, 2 * file_content::page_size, "x").error == ENOSPC);
    CHECK(write(*f, 0, "what is there may be overwritten").error == 0);
    CHECK(w.files.store("/other", "x") == ENOSPC);
    CHECK(w.files.remove("/big") == 0);
    CHECK(w.files.store("/other", "x") == 0);
}

TEST_CASE("a crash takes what was not synced: contents, sizes, names") {
    world w(1);
    const auto log = open(w, "/log", open_mode::write);
    write(*log, 0, "synced");
    CHECK(log->sync() == 0);
    write(*log, 6, ", lost");
    const auto unsynced = open(w, "/unsynced", open_mode::write);
    write(*unsynced, 0, "never synced");
    w.files.crash(crash_loss::all);
    CHECK(w.files.load("/log") == "synced");
    CHECK_FALSE(w.files.exists("/unsynced"));
    CHECK(w.files.exists("/tmp"));
}

TEST_CASE("after a partial crash each page is either old or new, whole") {
    bool seen_old = false;
    bool seen_new = false;
    bool seen_mixed = false;
    const std::string before(4 * file_content::page_size, 'o');
    const std::string after(4 * file_content::page_size, 'n');
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        world w(seed);
        w.files.store("/data", before);
        const auto f = open(w, "/data", open_mode::read_write);
        write(*f, 0, after);
        w.files.crash(crash_loss::some);
        const std::string found = w.files.load("/data").value_or("");
        REQUIRE(found.size() == before.size());
        unsigned new_pages = 0;
        for (std::size_t page = 0; page < 4; ++page) {
            const std::string content = found.substr(page * file_content::page_size, file_content::page_size);
            const bool is_new = content == after.substr(0, content.size());
            REQUIRE((is_new || content == before.substr(0, content.size())));
            new_pages += is_new;
        }
        seen_old = seen_old || new_pages == 0;
        seen_new = seen_new || new_pages == 4;
        seen_mixed = seen_mixed || (new_pages != 0 && new_pages != 4);
    }
    CHECK(seen_old);
    CHECK(seen_new);
    CHECK(seen_mixed);
}

TEST_CASE("paths that cannot be opened are told apart") {
    world w(1);
    w.files.store("/file", "x");
    CHECK(error_of_open(w, "", open_mode::read) == ENOENT);
    CHECK(error_of_open(w, "/missing", open_mode::read) == ENOENT);
    CHECK(error_of_open(w, "/missing/x", open_mode::write) == ENOENT);
    CHECK(error_of_open(w, "/file/x", open_mode::write) == ENOTDIR);
    CHECK(error_of_open(w, "/file/", open_mode::read) == ENOTDIR);
    CHECK(error_of_open(w, "/tmp", open_mode::read) == 0);
    CHECK(error_of_open(w, "/tmp", open_mode::write) == EISDIR);
    CHECK(error_of_open(w, "/file", open_mode::create_new) == EEXIST);
    CHECK(error_of_open(w, "/" + std::string(256, 'n'), open_mode::write) == ENAMETOOLONG);
    CHECK(error_of_open(w, std::string(5000, '/'), open_mode::read) == ENAMETOOLONG);
    CHECK(w.files.create_directory("/tmp") == EEXIST);
    CHECK(w.files.create_directory("/a/b") == ENOENT);
}
