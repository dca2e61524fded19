#include "clocks.hpp"
#include "content.hpp"
#include "histogram.hpp"
#include "limit/bare_loop.h"
#include "link.hpp"
#include "options.hpp"

#include <cerrno>
#include <cstdio>
#include <liburing.h>
#include <poll.h>
#include <stdexcept>
#include <system_error>

namespace load {
namespace {

constexpr std::size_t receive_size = 64 * 1024;
constexpr std::size_t checked_fully = 4096;  // larger messages are checked in one of `sampling` receives
constexpr std::uint64_t sampling = 16;
// The generator is the limit if it never waits although the server does (shares of time).
constexpr double idle_needed = 0.03;
constexpr double server_full = 0.95;
constexpr nanoseconds patience = 5'000'000'000;

// Readiness from one multishot poll for each connection. Asking costs no system call while there is no news.
class ready_ring {
public:
    explicit ready_ring(unsigned connections) {
        io_uring_params params{};
        params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
                       IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
        params.cq_entries = 4 * connections + 1024;
        const int status = io_uring_queue_init_params(256, &ring_, &params);
        if (status < 0) throw std::system_error(-status, std::generic_category(), "io_uring_queue_init");
        io_uring_register_ring_fd(&ring_);
    }
    ready_ring(const ready_ring&) = delete;
    ready_ring& operator=(const ready_ring&) = delete;
    ~ready_ring() { io_uring_queue_exit(&ring_); }

    void watch(int fd, std::size_t index) {
        io_uring_sqe* sqe;
        while ((sqe = io_uring_get_sqe(&ring_)) == nullptr) io_uring_submit(&ring_);
        io_uring_prep_poll_multishot(sqe, fd, POLLIN);
        sqe->user_data = index;
    }

    bool has_news() const {
        return io_uring_cq_ready(&ring_) > 0 || io_uring_sq_ready(&ring_) > 0 ||
               (__atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW));
    }

    // Sleeps until there is news, for 0.1 s at most.
    void wait() {
        __kernel_timespec limit{0, 100'000'000};
        io_uring_cqe* cqe;
        io_uring_submit_and_wait_timeout(&ring_, &cqe, 1, &limit, nullptr);
    }

    // Calls on_ready(index, still_watched) for each connection that has become readable.
    template <typename Callback>
    void collect(Callback on_ready) {
        io_uring_submit_and_get_events(&ring_);
        io_uring_cqe* cqe;
        unsigned head, count = 0;
        io_uring_for_each_cqe(&ring_, head, cqe) {
            if (cqe->res < 0) throw std::system_error(-cqe->res, std::generic_category(), "poll");
            on_ready(static_cast<std::size_t>(cqe->user_data), (cqe->flags & IORING_CQE_F_MORE) != 0);
            ++count;
        }
        io_uring_cq_advance(&ring_, count);
    }

private:
    io_uring ring_{};
};

// Positions count bytes of the stream in each direction.
struct connection {
    std::unique_ptr<link> peer;
    bool blocked;  // has bytes to send that the socket did not take
    std::uint64_t wanted, sent, received;
    std::vector<nanoseconds> sent_at;  // by message number modulo depth
};

class generator {
public:
    explicit generator(const options& wanted)
        : wanted_(wanted),
          content_(wanted.size, wanted.depth),
          ring_(static_cast<unsigned>(wanted.connections)),
          received_(receive_size),
          server_(wanted.server) {
        connections_.reserve(wanted.connections);
        for (std::size_t i = 0; i < wanted.connections; ++i) {
            connections_.push_back({open_link(wanted), false, 0, 0, 0, std::vector<nanoseconds>(wanted.depth)});
            ring_.watch(connections_.back().peer->fd(), i);
        }
    }
    generator(const generator&) = delete;
    generator& operator=(const generator&) = delete;

    void run() {
        const auto start = now();
        for (std::size_t i = 0; i < connections_.size(); ++i) order(i, wanted_.depth, start);
        run_until(start + from_seconds(wanted_.warmup));
        latencies_.reset();
        idle_ = 0;
        const auto server_before = server_.time();
        const auto from = now();
        run_until(from + from_seconds(wanted_.seconds));
        seconds_ = static_cast<double>(now() - from) / 1e9;
        server_cpu_ = server_.time() - server_before;
    }

    void print() const {
        const auto messages = static_cast<double>(latencies_.total());
        const double idle = static_cast<double>(idle_) / 1e9 / seconds_;
        const double busy = static_cast<double>(server_cpu_) / 1e9 / seconds_;
        const bool limited = idle < idle_needed && busy < server_full;
        std::printf("{\"bench\":\"two\",\"connections\":%zu,\"size\":%zu,\"depth\":%zu,\"seconds\":%.4f,"
                    "\"messages\":%.0f,\"rate\":%.1f,\"p50_us\":%.2f,\"p99_us\":%.2f,\"p99_9_us\":%.2f,"
                    "\"max_us\":%.2f,\"generator_idle\":%.4f,\"limited_by_generator\":%s",
                    wanted_.connections, wanted_.size, wanted_.depth, seconds_, messages, messages / seconds_,
                    latencies_.quantile(0.5) / 1e3, latencies_.quantile(0.99) / 1e3, latencies_.quantile(0.999) / 1e3,
                    static_cast<double>(latencies_.largest()) / 1e3, idle, limited ? "true" : "false");
        if (server_.exists())
            std::printf(",\"server_cpu_us\":%.4f,\"server_busy\":%.4f",
                        static_cast<double>(server_cpu_) / 1e3 / messages, busy);
        std::printf("}\n");
    }

private:
    void run_until(nanoseconds end) {
        auto time = now();
        auto last_news = time;
        while (time < end) {
            const auto asked = time;
            if (!ring_.has_news() && blocked_.empty()) {
                if (wanted_.sleeps) ring_.wait();
                for (int i = 0; i < 8; ++i) bare_pause();
                time = now();
                idle_ += time - asked;
                if (time - last_news > patience) throw std::runtime_error("the server stopped answering");
                continue;
            }
            ring_.collect([this](std::size_t index, bool watched) {
                receive(index);
                if (!watched) ring_.watch(connections_[index].peer->fd(), index);
            });
            retry_blocked();
            time = last_news = now();
        }
    }

    // Adds messages to what this connection has to send.
    void order(std::size_t index, std::size_t count, nanoseconds time) {
        auto& one = connections_[index];
        const auto first = one.wanted / wanted_.size;
        for (std::size_t i = 0; i < count; ++i) one.sent_at[(first + i) % wanted_.depth] = time;
        one.wanted += count * wanted_.size;
        if (!one.blocked) send(index);
    }

    void send(std::size_t index) {
        auto& one = connections_[index];
        const auto first = one.sent / wanted_.size;
        const auto count = static_cast<std::size_t>(one.wanted / wanted_.size - first);
        const char* bytes = content_.make(index, first, count) + one.sent % wanted_.size;
        one.sent += one.peer->send(bytes, one.wanted - one.sent);
        one.blocked = one.sent < one.wanted;
        if (one.blocked) blocked_.push_back(index);
    }

    void retry_blocked() {
        retried_.swap(blocked_);
        for (const auto index : retried_) send(index);
        retried_.clear();
    }

    void receive(std::size_t index) {
        auto& one = connections_[index];
        for (;;) {
            // Large messages are looked at now and then.
            const bool look = wanted_.size <= checked_fully || ++looks_ % sampling == 0;
            const auto got = one.peer->receive(received_.data(), receive_size, !look);
            if (got < 0) return;
            const auto size = static_cast<std::size_t>(got);
            if (one.received + size > one.sent ||
                (look && !content_.matches(index, one.received, received_.data(), size)))
                throw std::runtime_error("the echo differs from what was sent");
            // TLS gives one record at a time, and may hold another one that no poll tells of.
            const bool last = wanted_.tls ? one.received + size == one.sent : size < receive_size;
            account(index, size);
            if (last) return;
        }
    }

    void account(std::size_t index, std::size_t size) {
        auto& one = connections_[index];
        const auto first = one.received / wanted_.size;
        one.received += size;
        const auto complete = static_cast<std::size_t>(one.received / wanted_.size - first);
        if (complete == 0) return;
        const auto time = now();
        for (std::size_t i = 0; i < complete; ++i) latencies_.add(time - one.sent_at[(first + i) % wanted_.depth]);
        order(index, complete, time);
    }

    options wanted_;
    content content_;
    ready_ring ring_;
    std::vector<char> received_;
    std::vector<connection> connections_;
    std::vector<std::size_t> blocked_, retried_;
    std::uint64_t looks_ = 0;
    histogram latencies_;
    nanoseconds idle_ = 0;
    nanoseconds server_cpu_ = 0;
    double seconds_ = 0;
    server_clock server_;
};

}  // namespace

int measure(const options& wanted) {
    generator one(wanted);
    one.run();
    one.print();
    return 0;
}

}  // namespace load
