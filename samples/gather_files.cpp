// Reads many files at the same time and prints the size and a checksum of each, like sum(1).
#include <CLI/CLI.hpp>
#include <cstdio>
#include <libasync/async.hpp>

struct summary {
    std::uint64_t size = 0;
    std::uint32_t checksum = 0;
};

async::task<summary> summarise(std::string path) {
    async::file file = co_await async::file::open(path);
    summary s;
    std::vector<std::byte> buffer(64 * 1024);
    while (const std::size_t count = co_await file.read_at(buffer, s.size)) {
        for (std::size_t i = 0; i < count; ++i) {
            s.checksum = s.checksum * 31 + std::to_integer<std::uint32_t>(buffer[i]);
        }
        s.size += count;
    }
    co_return s;
}

async::task<void> summarise_all(std::vector<std::string> paths) {
    std::vector<async::task<summary>> tasks;
    for (const std::string& path : paths) tasks.push_back(summarise(path));
    const auto summaries = co_await async::gather(std::move(tasks));
    for (std::size_t i = 0; i < paths.size(); ++i) {
        std::printf("%08x %10llu %s\n", summaries[i].checksum, static_cast<unsigned long long>(summaries[i].size),
                    paths[i].c_str());
    }
}

int main(int argc, char** argv) {
    CLI::App app{"Reads many files at the same time"};
    std::vector<std::string> paths;
    app.add_option("file", paths, "files to read")->required();
    CLI11_PARSE(app, argc, argv);
    try {
        async::run(summarise_all(paths));
    } catch (const std::exception& e) {
        std::fprintf(stderr, "gather_files: %s\n", e.what());
        return 1;
    }
}
