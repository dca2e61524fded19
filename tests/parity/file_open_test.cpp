// Opening files: modes, and paths that lead nowhere.
#include <tests/parity/behaviour.hpp>

namespace {

using namespace parity;

constexpr open_mode modes[] = {open_mode::read, open_mode::write, open_mode::append, open_mode::read_write,
                               open_mode::create_new};

const char* name_of(open_mode mode) {
    switch (mode) {
        case open_mode::read: return "read";
        case open_mode::write: return "write";
        case open_mode::append: return "append";
        case open_mode::read_write: return "read_write";
        case open_mode::create_new: return "create_new";
    }
    return "?";
}

task<void> see_each_mode(trace& t, std::string path) {
    for (const open_mode mode : modes) co_await t.see(name_of(mode), file::open(path, mode));
}

// Whether the message of the failure names the path.
template <class T>
task<bool> message_names(std::string path, task<T> awaited) {
    try {
        co_await std::move(awaited);
    } catch (const std::system_error& e) {
        co_return std::string_view(e.what()).find(path) != std::string_view::npos;
    }
    co_return false;
}

}  // namespace

BEHAVIOUR("of a file that is missing, write, append and create_new make one") {
    for (const open_mode mode : modes) {
        const std::string name = name_of(mode);
        co_await t.see(name_of(mode), file::open(t.files() / name, mode));
        t.note("it is there", t.files().exists(name));
    }
}

BEHAVIOUR("of a file that exists, only create_new is refused") {
    const std::string path = t.files() / "file";
    co_await write_file(path, "content");
    for (const open_mode mode : {open_mode::read, open_mode::append, open_mode::read_write, open_mode::create_new}) {
        co_await t.see(name_of(mode), file::open(path, mode));
        co_await t.see("content", read_file(path));
    }
    co_await t.see("write", file::open(path, open_mode::write));
    co_await t.see("content", read_file(path));
}

BEHAVIOUR("a directory can be opened for reading, not read, and not opened for writing") {
    if (t.excluded_on_windows("a directory cannot be opened")) co_return;
    t.files().make_directory("directory");
    co_await see_each_mode(t, t.files() / "directory");
    co_await t.see("read_file", read_file(t.files() / "directory"));
    co_await t.see("write_file", write_file(t.files() / "directory", "x"));
    file f = co_await file::open(t.files() / "directory");
    std::byte buffer[4];
    co_await t.see("read_at", f.read_at(buffer, 0));
    co_await t.see("write_at", f.write_at("x", 0));
}

BEHAVIOUR("a file in a directory that is missing cannot be opened") {
    co_await see_each_mode(t, t.files() / "no/file");
}

BEHAVIOUR("a path that leads through a file cannot be opened") {
    co_await write_file(t.files() / "file", "content");
    co_await see_each_mode(t, t.files() / "file/below");
}

BEHAVIOUR("a path that ends in a slash names no file") {
    co_await write_file(t.files() / "file", "content");
    co_await see_each_mode(t, t.files() / "file/");
    co_await t.see("missing", file::open(t.files() / "missing/", open_mode::write));
}

BEHAVIOUR("a path may take detours") {
    t.files().make_directory("directory");
    co_await write_file(t.files() / "directory/../file", "content");
    co_await t.see("straight", read_file(t.files() / "file"));
    co_await t.see("doubled slash", read_file(t.files() / "directory//..//./file"));
    co_await t.see("through what is missing", read_file(t.files() / "missing/../file"));
}

BEHAVIOUR("an empty path names no file") {
    co_await see_each_mode(t, "");
    co_await t.see("read_file", read_file(""));
    co_await t.see("write_file", write_file("", "x"));
}

BEHAVIOUR("a name of 255 bytes is taken, a longer one is not, nor is a very long path") {
    co_await t.see("255", write_file(t.files() / std::string(255, 'n'), "x"));
    co_await t.see("256", write_file(t.files() / std::string(256, 'n'), "x"));
    std::string path = t.files().string();
    while (path.size() < 5000) path += "/directory";
    co_await t.see("5000", file::open(path));
    co_await t.see("5000 for writing", file::open(path, open_mode::write));
}

BEHAVIOUR("names are told apart by case, and may hold spaces and bytes of all kinds") {
    if (t.excluded_on_windows("names are text there, whatever its case")) co_return;
    co_await write_file(t.files() / "name", "lower");
    co_await write_file(t.files() / "NAME", "upper");
    co_await write_file(t.files() / "na me\t\xc3\xa9\xff", "strange");
    co_await t.see("lower", read_file(t.files() / "name"));
    co_await t.see("upper", read_file(t.files() / "NAME"));
    co_await t.see("strange", read_file(t.files() / "na me\t\xc3\xa9\xff"));
}

BEHAVIOUR("the message of a failure holds the path") {
    const std::string missing = t.files() / "missing";
    bool named = co_await message_names(missing, file::open(missing));
    t.note("open", named);
    named = co_await message_names(missing, read_file(missing));
    t.note("read_file", named);
    named = co_await message_names(missing, write_file(missing + "/below", "x"));
    t.note("write_file", named);
}

BEHAVIOUR("two tasks that create a file at once: one of them makes it") {
    const std::string path = t.files() / "file";
    int made = 0;
    int refused = 0;
    auto create = [](const std::string& path, int& made, int& refused) -> task<void> {
        try {
            co_await file::open(path, open_mode::create_new);
            ++made;
        } catch (const std::system_error& e) {
            if (e.code() == std::errc::file_exists) ++refused;
        }
    };
    co_await gather(create(path, made, refused), create(path, made, refused), create(path, made, refused));
    t.note("made", made);
    t.note("refused", refused);
}

BEHAVIOUR("the handle of a file that was closed is the next one's") {
    const std::string path = t.files() / "file";
    co_await write_file(path, "content");
    file first = co_await file::open(path);
    file second = co_await file::open(path);
    const native_handle before = first.handle();
    t.note("they differ", before != second.handle());
    co_await first.close();
    file third = co_await file::open(path);
    t.note("used again", third.handle() == before);
    t.note("closed", first.handle() == invalid_handle);
}
