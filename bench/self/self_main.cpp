// Times every rival in every case, one pass of each in turn, and prints nanoseconds per message.
#include "self_echo.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <getopt.h>
#include <sched.h>
#include <string_view>
#include <sys/resource.h>

namespace {

using namespace self_echo;

struct settings {
    std::vector<echo_case> cases{{1, 64}, {50, 64}, {1000, 64}, {50, 1024}, {50, 16384}};
    std::string only;  // comma-separated parts of names
    std::size_t passes = 5;
    std::size_t messages = 20000;  // of one pass
    int core = -1;
    bool json = false;
};

struct score {
    std::string name;
    role part;
    double median, best, worst, whole;
};

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    for (std::size_t from = 0; from <= text.size();) {
        const auto to = std::min(text.find(',', from), text.size());
        if (to > from) parts.push_back(text.substr(from, to - from));
        from = to + 1;
    }
    return parts;
}

std::vector<echo_case> parse_cases(const std::string& text) {
    std::vector<echo_case> cases;
    for (const auto& part : split(text)) {
        echo_case one{};
        if (std::sscanf(part.c_str(), "%zux%zu", &one.connections, &one.size) != 2 || one.connections == 0 ||
            one.size < 8 || one.size % 8 != 0 || one.size > 65536) {
            std::fprintf(stderr, "a case is CONNECTIONSxBYTES, the bytes a multiple of 8: %s\n", part.c_str());
            std::exit(2);
        }
        cases.push_back(one);
    }
    return cases;
}

settings parse(int argc, char** argv) {
    static const option names[] = {{"cases", required_argument, nullptr, 'c'},
                                   {"servers", required_argument, nullptr, 's'},
                                   {"passes", required_argument, nullptr, 'p'},
                                   {"messages", required_argument, nullptr, 'm'},
                                   {"core", required_argument, nullptr, 'k'},
                                   {"json", no_argument, nullptr, 'j'},
                                   {nullptr, 0, nullptr, 0}};
    settings wanted;
    for (int letter; (letter = ::getopt_long(argc, argv, "", names, nullptr)) != -1;) {
        switch (letter) {
            case 'c': wanted.cases = parse_cases(optarg); break;
            case 's': wanted.only = optarg; break;
            case 'p': wanted.passes = std::clamp(std::strtoul(optarg, nullptr, 10), 1ul, 100ul); break;
            case 'm': wanted.messages = std::clamp(std::strtoul(optarg, nullptr, 10), 1000ul, 1000000ul); break;
            case 'k': wanted.core = std::atoi(optarg); break;
            case 'j': wanted.json = true; break;
            default:
                std::fprintf(stderr,
                             "usage: %s [--cases 50x64,...] [--servers part,of,names] [--passes N]\n"
                             "          [--messages N] [--core N] [--json]\n",
                             argv[0]);
                std::exit(2);
        }
    }
    return wanted;
}

rivals chosen(const settings& wanted) {
    rivals all;
    add_bare(all);
#ifdef BENCH_HAS_LIBUV
    add_libuv(all);
#endif
#ifdef BENCH_HAS_ASIO
    add_asio(all);
#endif
#ifdef BENCH_HAS_LIBASYNC
    add_libasync(all);
#endif
    if (wanted.only.empty()) return all;
    const auto parts = split(wanted.only);
    std::erase_if(all, [&](const rival& one) {
        return std::none_of(parts.begin(), parts.end(),
                            [&](const auto& part) { return one.name.find(part) != std::string::npos; });
    });
    return all;
}

double middle(const std::vector<double>& sorted) {
    const auto half = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

std::vector<score> measure(const rivals& all, const echo_case& shape, const settings& wanted) {
    std::vector<std::vector<double>> server(all.size()), whole(all.size());
    for (std::size_t pass = 0; pass < wanted.passes; ++pass) {
        for (std::size_t step = 0; step < all.size(); ++step) {
            const auto index = (step + pass) % all.size();
            const auto subject = all[index].make(shape);
            const auto result = run_pass(*subject, shape, wanted.messages);
            server[index].push_back(result.server_ns);
            whole[index].push_back(result.whole_ns);
        }
    }
    std::vector<score> scores;
    for (std::size_t i = 0; i < all.size(); ++i) {
        auto& times = server[i];
        std::sort(times.begin(), times.end());
        std::sort(whole[i].begin(), whole[i].end());
        scores.push_back({all[i].name, all[i].part, middle(times), times.front(), times.back(), whole[i].front()});
    }
    return scores;
}

void print(const echo_case& shape, const std::vector<score>& scores, const settings& wanted) {
    double limit_best = 0, limit_median = 0;
    for (const auto& one : scores) {
        if (one.part != role::limit) continue;
        limit_best = limit_best == 0 ? one.best : std::min(limit_best, one.best);
        limit_median = limit_median == 0 ? one.median : std::min(limit_median, one.median);
    }
    static const char* const parts[] = {"limit", "peer", "ours"};
    if (!wanted.json)
        std::printf("\n%zu x %zu B, %zu passes: server ns per message\n%-22s %8s %8s %8s  %7s %7s  %s\n",
                    shape.connections, shape.size, wanted.passes, "", "best", "median", "worst", "of best", "of med.",
                    "whole round");
    for (const auto& one : scores) {
        const double of_best = limit_best > 0 ? one.best / limit_best : 0;
        const double of_median = limit_median > 0 ? one.median / limit_median : 0;
        if (wanted.json)
            std::printf("{\"bench\":\"self\",\"server\":\"%s\",\"role\":\"%s\",\"connections\":%zu,\"size\":%zu,"
                        "\"passes\":%zu,\"best_ns\":%.1f,\"median_ns\":%.1f,\"worst_ns\":%.1f,\"whole_ns\":%.1f,"
                        "\"of_best\":%.4f,\"of_median\":%.4f}\n",
                        one.name.c_str(), parts[static_cast<int>(one.part)], shape.connections, shape.size,
                        wanted.passes, one.best, one.median, one.worst, one.whole, of_best, of_median);
        else
            std::printf("%-22s %8.0f %8.0f %8.0f  %7.3f %7.3f  %8.0f\n", one.name.c_str(), one.best, one.median,
                        one.worst, of_best, of_median, one.whole);
    }
    std::fflush(stdout);
}

void prepare(const settings& wanted) {
    std::signal(SIGPIPE, SIG_IGN);
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    if (wanted.core < 0) return;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<unsigned>(wanted.core), &one);
    if (::sched_setaffinity(0, sizeof one, &one) != 0) std::perror("sched_setaffinity");
}

}  // namespace

int main(int argc, char** argv) {
    const auto wanted = parse(argc, argv);
    prepare(wanted);
    const auto all = chosen(wanted);
    try {
        for (const auto& shape : wanted.cases) print(shape, measure(all, shape, wanted), wanted);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "self_echo: %s\n", error.what());
        return 1;
    }
    return 0;
}
