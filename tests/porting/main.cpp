// Runs the C++ sides of docs/porting.md, in the guide's order, each after a line with a mark and its name. With an
// argument: those that have it in their name. Exit code 77 (skipped) where the kernel refuses the io_uring engine.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <string_view>

#include <tests/porting/pair.hpp>

#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace {

bool kernel_refuses_uring() {
#ifdef __linux__
    unsigned char params[120] = {};
    const long ring = syscall(SYS_io_uring_setup, 1, params);
    if (ring >= 0) close(static_cast<int>(ring));
    return ring < 0;
#else
    return true;
#endif
}

}  // namespace

int main(int argc, char** argv) {
    const char* engine = std::getenv("LIBASYNC_ENGINE");
    if (engine && std::strcmp(engine, "uring") == 0 && kernel_refuses_uring()) {
        std::puts("skipped: the kernel refuses io_uring");
        return 77;
    }
    const std::string_view only = argc > 1 ? argv[1] : "";
    std::vector<const porting::pair*>& pairs = porting::pair::all();
    std::sort(pairs.begin(), pairs.end(), [](const auto* a, const auto* b) { return a->line < b->line; });
    for (const porting::pair* pair : pairs) {
        if (std::string_view(pair->name).find(only) == std::string_view::npos) continue;
        std::cout << '\x1e' << pair->name << std::endl;
        try {
            pair->run();
        } catch (const std::exception& e) {
            std::cout << "(ends with an exception: " << e.what() << ")\n";
        } catch (...) {
            std::cout << "(ends with something that is no std::exception)\n";
        }
        std::cout.flush();
    }
}
