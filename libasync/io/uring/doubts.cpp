// Streams that are looked at once more, because the kernel may have kept something from them:
//
// - A read stops at a mark of urgent data (tcp(7)), and no event tells that from the end of what is there: the kernel
//   reports POLLPRI with all that arrives. So a short read is in doubt.
// - A multishot receive misses the end of a stream, or a reset, that comes right behind data: several wake-ups, or the
//   first look of a new request, count as one, and that one is spent on the data (Linux 6.0 and later;
//   github.com/axboe/liburing issue 1549, whose mend leaves the second of these). So a receive that gave data is in
//   doubt.
//
// A stream whose reader waits in doubt is looked at when it was quiet for a while. The clock for that ticks only while
// there are such streams.
#include <libasync/io/uring/uring_engine.hpp>

#include <libasync/io/native_socket.hpp>

namespace async::inline v0::io::uring {

namespace {

constexpr __kernel_timespec doubt_period{0, 100'000'000};
constexpr __kernel_timespec short_period{0, 1'000'000};
constexpr unsigned most_looks = 256;  // in one tick: each is a system call

}  // namespace

[[gnu::hot]] void uring_engine::doubt(uring_stream& s) noexcept {
    if (s.doubt.linked()) return;
    s.quiet = false;
    doubted_.push_back(s.doubt);
    if (!tick_.armed) arm_tick();
}

void uring_engine::arm_tick() noexcept {
    io_uring_sqe* sqe = next_entry(tick_data);
    if (!sqe) return starve();
    const __kernel_timespec& period = late_looks_ ? short_period : doubt_period;
    io_uring_prep_timeout(sqe, const_cast<__kernel_timespec*>(&period), 0, 0);
    tick_.armed = true;
}

void uring_engine::on_tick() noexcept {
    tick_ = {};
    if (shutting_down_) return;
    detail::list<doubt_link> doubted;
    doubted.splice_back(doubted_);
    for (unsigned looks = 0; !doubted.empty() && looks < most_looks;) {
        uring_stream& s = doubted.pop_front()->stream;
        if (!s.reader || !s.doubtful) continue;
        if (s.quiet) {
            look_again(s);
            ++looks;
        } else {
            s.quiet = true;
            doubted_.push_back(s.doubt);
        }
    }
    late_looks_ = !doubted.empty();
    doubted.splice_back(doubted_);
    doubted_.splice_back(doubted);
    if (!doubted_.empty()) arm_tick();
}

void uring_engine::look_again(uring_stream& s) noexcept {
    if (!s.receive.armed) {
        if (reads_after_poll(s, *s.reader)) schedule_read(s);
        return;
    }
    s.doubtful = false;
    // A new receive begins by taking what is there. If this one has taken it meanwhile, nothing is lost either.
    if (is_ready_now(s.handle, readiness::readable)) stop(s, s.receive, tag::receive);
}

}  // namespace async::inline v0::io::uring
