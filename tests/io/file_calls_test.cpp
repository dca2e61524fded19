#include <libasync/io/file_calls.hpp>

#include <doctest/doctest.h>

#ifdef __linux__
#include <cstdio>
#include <memory>
#include <string>

#include <fcntl.h>
#include <unistd.h>
#endif

using namespace async;

#ifdef __linux__

TEST_CASE("cached tells what of a file is in memory, as far as its end and behind it") {
    constexpr std::size_t size = std::size_t{1} << 20;
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), std::fclose);
    REQUIRE(file);
    const int fd = ::fileno(file.get());
    const std::string text(size, 'x');
    REQUIRE(::pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(size));
    CHECK(io::cached(fd, 0, size) == size);  // it has just been written
    CHECK(io::cached(fd, 5, 1) == 1);
    CHECK(io::cached(fd, size - 10, 100'000) == 100'000);  // no disk has what is not there
    CHECK(io::cached(fd, 10 * size, 7) == 7);

    REQUIRE(::fsync(fd) == 0);
    REQUIRE(::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
    const std::size_t there = io::cached(fd, 0, size);  // the kernel may keep some
    if (there == size) {
        MESSAGE("skipped: this file system keeps its files in memory, or does not tell");
        return;
    }
    CHECK(io::cached(fd, there, size - there) == 0);
    std::byte one;
    REQUIRE(::pread(fd, &one, 1, static_cast<off_t>(there)) == 1);
    CHECK(io::cached(fd, there, 4096) == 4096);
}

TEST_CASE("cached says nothing against what is no file on a disk") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    CHECK(io::cached(ends[0], 0, 100) == 100);
    ::close(ends[0]);
    ::close(ends[1]);
}

#endif

TEST_CASE("cached says nothing against a handle that it cannot ask about") {
    CHECK(io::cached(invalid_handle, 0, 100) == 100);
    CHECK(io::cached(invalid_handle, 0, 0) == 0);
}
