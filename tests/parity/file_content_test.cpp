// What files hold: positions, ends, sizes, and who sees whose writes.
#include <tests/parity/behaviour.hpp>

using namespace parity;

BEHAVIOUR("reading within a file, across its end, at it and beyond it") {
    co_await write_file(t.files() / "file", "0123456789");
    file f = co_await file::open(t.files() / "file");
    co_await t.see("within", read_text(f, 4, 3));
    co_await t.see("across the end", read_text(f, 100, 8));
    co_await t.see("at the end", read_text(f, 4, 10));
    co_await t.see("beyond", read_text(f, 4, 1000));
    co_await t.see("far beyond", read_text(f, 4, std::uint64_t{1} << 40));
    co_await t.see("nothing", read_text(f, 0, 3));
    co_await t.see("nothing beyond", read_text(f, 0, 1000));
    co_await t.see("size", f.size());
}

BEHAVIOUR("offsets that are no positions are refused") {
    co_await write_file(t.files() / "file", "0123456789");
    file f = co_await file::open(t.files() / "file", open_mode::read_write);
    co_await t.see("read", read_text(f, 4, ~std::uint64_t{0}));
    co_await t.see("write", f.write_at("x", ~std::uint64_t{0}));
    co_await t.see("read at 2^63", read_text(f, 4, std::uint64_t{1} << 63));
    co_await t.see("write at 2^63", f.write_at("x", std::uint64_t{1} << 63));
    co_await t.see("size", f.size());
}

BEHAVIOUR("writing within, across the end, and beyond it leaves zeros between") {
    file f = co_await file::open(t.files() / "file", open_mode::create_new);
    co_await t.see("size", f.size());
    co_await t.see("write", f.write_at("abcdef", 0));
    co_await t.see("write within", f.write_at("XY", 2));
    co_await t.see("size", f.size());
    co_await t.see("write across the end", f.write_at("!!!", 5));
    co_await t.see("size", f.size());
    co_await t.see("write beyond", f.write_at("end", 12));
    co_await t.see("size", f.size());
    co_await t.see("content", read_text(f, 100, 0));
    co_await t.see("write of nothing, beyond", f.write_at("", 100));
    co_await t.see("size", f.size());
}

BEHAVIOUR("a file may have a hole of a mebibyte") {
    file f = co_await file::open(t.files() / "file", open_mode::create_new);
    co_await f.write_at("x", 1 << 20);
    co_await t.see("size", f.size());
    co_await t.see("content", read_text(f, (1 << 20) + 10, 0));
}

BEHAVIOUR("appending ignores the offset") {
    co_await write_file(t.files() / "file", "first ");
    file f = co_await file::open(t.files() / "file", open_mode::append);
    co_await t.see("write", f.write_at("second ", 0));
    co_await t.see("write", f.write_at("third", 1000));
    co_await t.see("size", f.size());
    co_await t.see("content", read_file(t.files() / "file"));
}

BEHAVIOUR("two that append to one file keep both their lines") {
    file one = co_await file::open(t.files() / "file", open_mode::append);
    file two = co_await file::open(t.files() / "file", open_mode::append);
    co_await one.write_at("one ", 0);
    co_await two.write_at("two ", 0);
    co_await one.write_at("one again", 0);
    co_await t.see("content", read_file(t.files() / "file"));
}

BEHAVIOUR("a file is read only if it was opened for that, and written likewise") {
    const std::string path = t.files() / "file";
    co_await write_file(path, "content");
    {
        file f = co_await file::open(path, open_mode::read);
        co_await t.see("write to read", f.write_at("x", 0));
        co_await t.see("write of nothing to read", f.write_at("", 0));
    }
    {
        file f = co_await file::open(path, open_mode::append);
        co_await t.see("read of append", read_text(f, 4, 0));
        co_await t.see("read of nothing of append", read_text(f, 0, 0));
    }
    {
        file f = co_await file::open(path, open_mode::read_write);
        co_await t.see("write to read_write", f.write_at("C", 0));
        co_await t.see("read of read_write", read_text(f, 100, 0));
    }
    file f = co_await file::open(path, open_mode::write);
    co_await t.see("read of write", read_text(f, 4, 0));
    co_await t.see("size of write", f.size());
}

BEHAVIOUR("opening for writing empties the file for all who have it open") {
    const std::string path = t.files() / "file";
    co_await write_file(path, "content");
    file reader = co_await file::open(path);
    co_await t.see("size before", reader.size());
    file writer = co_await file::open(path, open_mode::write);
    co_await t.see("size after", reader.size());
    co_await t.see("read", read_text(reader, 10, 0));
    co_await writer.write_at("new", 0);
    co_await t.see("read", read_text(reader, 10, 0));
}

BEHAVIOUR("two handles on one file see each other's writes") {
    const std::string path = t.files() / "file";
    file one = co_await file::open(path, open_mode::create_new);
    file two = co_await file::open(path, open_mode::read_write);
    co_await one.write_at("by one", 0);
    co_await t.see("two reads", read_text(two, 20, 0));
    co_await two.write_at("BY", 0);
    co_await t.see("one reads", read_text(one, 20, 0));
    co_await two.write_at("more", 6);
    co_await t.see("size by one", one.size());
    co_await t.see("read_file", read_file(path));
}

BEHAVIOUR("write_file and read_file, from nothing to a mebibyte") {
    const std::string path = t.files() / "file";
    for (const unsigned size : {0u, 1u, 4095u, 4096u, 4097u, 65536u, 1u << 20}) {
        const std::string text = pattern(size);
        co_await t.see("write_file", write_file(path, text));
        const std::string back = co_await read_file(path);
        t.note("size", back.size());
        t.note("as it was written", back == text);
    }
    co_await t.see("write_file", write_file(path, "short"));
    co_await t.see("read_file", read_file(path));
}

BEHAVIOUR("a file may hold any bytes") {
    std::string all;
    for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
    co_await write_file(t.files() / "file", all);
    const std::string back = co_await read_file(t.files() / "file");
    t.note("as it was written", back == all);
}

BEHAVIOUR("many reads at once each get their piece") {
    const std::string text = pattern(100'000);
    co_await write_file(t.files() / "file", text);
    file f = co_await file::open(t.files() / "file");
    std::vector<task<std::string>> reading;
    for (int i = 0; i < 100; ++i) reading.push_back(read_text(f, 1000, static_cast<std::uint64_t>(i) * 1000));
    const std::vector<std::string> pieces = co_await gather(std::move(reading));
    std::string together;
    for (const std::string& piece : pieces) together += piece;
    t.note("together", together);
    t.note("as it was written", together == text);
}

BEHAVIOUR("many writes at once to places of their own are all kept") {
    file f = co_await file::open(t.files() / "file", open_mode::create_new);
    std::vector<std::string> pieces;
    for (int i = 0; i < 50; ++i) pieces.emplace_back(100, static_cast<char>('A' + i % 26));
    std::vector<task<void>> writing;
    for (std::size_t i = 0; i < pieces.size(); ++i) writing.push_back(f.write_at(pieces[i], i * 100));
    co_await gather(std::move(writing));
    co_await t.see("size", f.size());
    co_await t.see("content", read_file(t.files() / "file"));
}

BEHAVIOUR("a sync is taken by each kind of handle") {
    const std::string path = t.files() / "file";
    co_await write_file(path, "content");
    for (const open_mode mode : {open_mode::read, open_mode::read_write, open_mode::append, open_mode::write}) {
        file f = co_await file::open(path, mode);
        co_await t.see("sync", f.sync());
    }
}
