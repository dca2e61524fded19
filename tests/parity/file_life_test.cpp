// The life of a file object: closing, destroying and cancelling, and files that are removed.
#include <tests/parity/behaviour.hpp>

using namespace parity;

BEHAVIOUR("a file may be closed twice; then each operation gives closed") {
    file f = co_await file::open(t.files() / "file", open_mode::create_new);
    t.note("is open", f.is_open());
    co_await t.see("close", f.close());
    co_await t.see("close", f.close());
    t.note("is open", f.is_open());
    co_await t.see("read", read_text(f, 4, 0));
    co_await t.see("read of nothing", read_text(f, 0, 0));
    co_await t.see("write", f.write_at("x", 0));
    co_await t.see("size", f.size());
    co_await t.see("sync", f.sync());
}

BEHAVIOUR("a file that never was open gives closed") {
    file f;
    t.note("is open", f.is_open());
    co_await t.see("read", read_text(f, 4, 0));
    co_await t.see("write", f.write_at("x", 0));
    co_await t.see("size", f.size());
    co_await t.see("sync", f.sync());
    co_await t.see("close", f.close());
}

BEHAVIOUR("a file that was moved from is closed, the other goes on") {
    file f = co_await file::open(t.files() / "file", open_mode::create_new);
    file other = std::move(f);
    t.note("other is open", other.is_open());
    co_await t.see("write to the other", other.write_at("x", 0));
    co_await t.see("size of the other", other.size());
}

BEHAVIOUR("a file may be destroyed while operations are pending: they end as if it were there") {
    const std::string text = pattern(100'000);
    co_await write_file(t.files() / "file", text);
    std::optional<file> f = co_await file::open(t.files() / "file", open_mode::read_write);
    std::string buffer(50'000, '\0');
    auto reading = create_task(detail::into_task(f->read_at(std::as_writable_bytes(std::span(buffer)), 0)));
    co_await yield();
    co_await yield();
    f.reset();
    co_await reading.wait();
    // It had begun, or found the file closed.
    t.note("ended", reading.done());
    co_await t.see("the file is whole", read_file(t.files() / "file"));
}

BEHAVIOUR("what is begun after the file was destroyed gives closed") {
    std::optional<file> f = co_await file::open(t.files() / "file", open_mode::create_new);
    auto writing = t.begin("write", f->write_at("x", 0));
    auto syncing = t.begin("sync", f->sync());
    f.reset();
    co_await writing.wait();
    co_await syncing.wait();
}

BEHAVIOUR("in a cancelled scope no file operation starts; close alone takes effect") {
    const std::string path = t.files() / "file";
    file f = co_await file::open(path, open_mode::create_new);
    co_await f.write_at("content", 0);
    co_await t.see_cancelled("open", file::open(t.files() / "other", open_mode::write));
    t.note("other is there", t.files().exists("other"));
    co_await t.see_cancelled("read", read_text(f, 4, 0));
    co_await t.see_cancelled("write", f.write_at("C", 0));
    co_await t.see_cancelled("size", f.size());
    co_await t.see_cancelled("sync", f.sync());
    co_await t.see_cancelled("write_file", write_file(path, "gone"));
    co_await t.see_cancelled("read_file", read_file(path));
    co_await t.see_cancelled("close", f.close());
    t.note("is open", f.is_open());
    co_await t.see("content", read_file(path));
}

BEHAVIOUR("a write that is cancelled while it runs has happened or not, and is waited for") {
    const std::string path = t.files() / "file";
    file f = co_await file::open(path, open_mode::create_new);
    const std::string text = pattern(1 << 20);
    auto writing = create_task(f.write_at(text, 0));
    co_await yield();
    co_await yield();
    writing.cancel();
    co_await writing.wait();
    const std::uint64_t size = co_await f.size();
    t.note("a part, all or nothing", size <= text.size());
    t.note("all, if it was not cancelled", writing.cancelled() || size == text.size());
    co_await t.see("write", f.write_at(text, 0));
    co_await t.see("close", f.close());
    co_await t.see("content", read_file(path));
}

BEHAVIOUR("an open that is cancelled while it runs leaves nothing open") {
    const std::string path = t.files() / "file";
    co_await write_file(path, "content");
    file before = co_await file::open(path);
    const native_handle next = before.handle();
    co_await before.close();
    for (int i = 0; i < 20; ++i) {
        auto opening = create_task(file::open(path));
        for (int turns = 0; turns < i % 4; ++turns) co_await yield();
        opening.cancel();
        co_await opening.wait();
    }
    file after = co_await file::open(path);
    t.note("the same handle as before", after.handle() == next);
}

BEHAVIOUR("a close is refused while an operation is pending") {
    file f = co_await file::open(t.files() / "file", open_mode::create_new);
    auto close_it = [](trace& t, file& f) -> task<void> {
        t.attempt("close", [&f] { static_cast<void>(f.close()); });
        co_return;
    };
    auto writing = t.begin_silently("write", f.write_at("content", 0));
    auto closing = create_task(close_it(t, f));  // in the same turn
    co_await closing;
    co_await t.noted(writing);
    co_await t.see("close", f.close());
    co_await t.see("content", read_file(t.files() / "file"));
}

BEHAVIOUR("a file that is removed while it is open can still be read and written") {
    const std::string path = t.files() / "file";
    co_await write_file(path, "content");
    file f = co_await file::open(path, open_mode::read_write);
    if (!t.files().remove("file")) {
        t.exclude("an open file cannot be removed here");
        co_return;
    }
    t.note("it is there", t.files().exists("file"));
    co_await t.see("read", read_text(f, 20, 0));
    co_await t.see("write", f.write_at("C", 0));
    co_await t.see("read", read_text(f, 20, 0));
    co_await t.see("size", f.size());
    co_await t.see("open", file::open(path));
    co_await write_file(path, "another");
    co_await t.see("the old one", read_text(f, 20, 0));
    co_await t.see("the new one", read_file(path));
}
