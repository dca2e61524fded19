// Load for other questions than echo: bulk transfer, short connections, datagrams, files. One thread that spins.
#include "net_load.hpp"

#include <csignal>
#include <cstdio>
#include <exception>
#include <iterator>
#include <stdexcept>
#include <string_view>

namespace load {

void window::print(double units, const char* extra) const {
    const double seconds = static_cast<double>(now() - from_) / 1e9;
    const double cpu = static_cast<double>(server_.time() - cpu_) / 1e9;
    std::printf("{\"bench\":\"%s\",\"seconds\":%.4f,\"units\":%.0f,\"rate\":%.1f,\"server_cpu_us\":%.6f,"
                "\"server_busy\":%.4f%s}\n",
                kind_, seconds, units, units / seconds, units > 0 ? cpu * 1e6 / units : 0, cpu / seconds, extra);
}

namespace {

struct measurement {
    std::string_view kind;
    void (*run)(const options&);
};

constexpr measurement all[] = {
    {"send", bulk_send},       {"receive", bulk_receive}, {"accept", accepts},        {"udp", datagram_echo},
    {"flood", datagram_flood}, {"file", fetch_file},      {"check-file", check_file},
};

void run(const options& wanted) {
    for (const auto& one : all)
        if (one.kind == wanted.kind) return one.run(wanted);
    throw std::invalid_argument("--kind is missing, or unknown");
}

}  // namespace
}  // namespace load

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    try {
        const auto wanted = load::parse(argc, argv);
        load::prepare_process(wanted);
        load::run(wanted);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "net_load: %s\n", error.what());
        return 1;
    }
}
