// The cancel classes of what is done with files, and of results as values, derived.
#include <tests/support/cancel_class_probes.hpp>
#include <tests/support/files.hpp>

using namespace async_tests;

namespace {

class file_probes {
public:
    file_probes() { async::run(write_file(path_, text_)); }

    // `part` works on an open file, and after a cancellation again.
    template <class Part>
    std::string on_file(Part part) {
        return class_of(observe_work([this, part](cancel_subject& subject, facts&) -> task<void> {
            file f = co_await file::open(path_, open_mode::read_write);
            must_not_fail(co_await subject.run(part(f)));
            static_cast<void>(co_await part(f));
            co_await f.close();
        }));
    }

    template <class Part>
    std::string on_path(facts (*look)(const observed_scenario&), Part part) {
        return class_of(look([this, part](cancel_subject& subject, facts&) -> task<void> {
            must_not_fail(co_await subject.run(part(path_)));
            static_cast<void>(co_await part(path_));
        }));
    }

    std::string close() {
        return class_of(observe([this](cancel_subject& subject, facts& seen) -> task<void> {
            file f = co_await file::open(path_);
            co_await close_cancelled(subject, std::move(f), seen);
        }));
    }

    std::span<std::byte> room() { return std::as_writable_bytes(std::span(room_)); }
    const std::string& text() const { return text_; }

private:
    const temporary_directory directory_;
    const std::string path_ = directory_ / "file";
    const std::string text_ = pattern(1 << 20);
    std::string room_ = std::string(1 << 20, '.');
};

// as_result takes operations only: one that waits for a peer, one that waits for the disk.
std::string class_of_results(file_probes& files) {
    const std::string broken_off = lossless_if([](cancel_subject& subject) -> task<void> {
        stream_pair pair = co_await connected_pair();
        static_cast<void>(co_await subject.run(as_result(pair.server.read())));
        co_await pair.client.close();
        co_await pair.server.close();
    });
    const std::string waited_for = files.on_file([&](file& f) { return as_result(f.sync()); });
    if (broken_off == "lossless" && waited_for == "deferred") return "inherited";
    return "like " + broken_off + " and " + waited_for;
}

cancel_class_probes::probe with_files(std::string (*look)(file_probes&)) {
    return [look] {
        file_probes files;
        return look(files);
    };
}

const cancel_class_probes of_files{
    {"as_result", with_files(class_of_results)},
    {"file::open", with_files([](file_probes& files) {
         return files.on_path(observe_work, [](const std::string& path) { return file::open(path); });
     })},
    {"file::read_at",
     with_files([](file_probes& files) { return files.on_file([&](file& f) { return f.read_at(files.room(), 0); }); })},
    {"file::write_at", with_files([](file_probes& files) {
         return files.on_file([&](file& f) { return f.write_at(files.text(), 0); });
     })},
    {"file::size", with_files([](file_probes& files) { return files.on_file([](file& f) { return f.size(); }); })},
    {"file::sync", with_files([](file_probes& files) { return files.on_file([](file& f) { return f.sync(); }); })},
    {"file::close", with_files([](file_probes& files) { return files.close(); })},
    {"read_file", with_files([](file_probes& files) {
         return files.on_path(observe_each, [](const std::string& path) { return read_file(path); });
     })},
    {"write_file", with_files([](file_probes& files) {
         return files.on_path(observe_each, [&](const std::string& path) { return write_file(path, files.text()); });
     })},
};

}  // namespace
