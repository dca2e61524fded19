// What the kernel may refuse: the ring as a whole, parts of it, and requests for the moment.
#include "uring_harness.hpp"

#include <csignal>
#include <cstddef>
#include <thread>

#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

using namespace uring_test;

namespace {

// From here on, for this thread alone, the system call fails with `error` if `argument` has none of `allowed`
// bits.
void refuse(unsigned call, unsigned error, unsigned argument = 0, unsigned allowed = 0) {
    const auto offset = offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t);
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(offset)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, allowed, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter = {sizeof code / sizeof *code, code};
    REQUIRE(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    REQUIRE(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0);
}

template <class Body>
void in_thread(Body&& body) {
    std::thread(std::forward<Body>(body)).join();
}

std::string refusal_with(unsigned error) {
    std::string why;
    in_thread([&] {
        refuse(SYS_io_uring_setup, error);
        CHECK_FALSE(make_uring_engine({}, why));
    });
    return why;
}

bool kernel_has_uring() {
    std::string why;
    return make_uring_engine({}, why) != nullptr;
}

// Submissions in the middle of a turn fail with EAGAIN; a visit's own do not.
template <class Body>
void short_of_memory(Body&& body) {
    in_thread([&] {
        refuse(SYS_io_uring_enter, EAGAIN, 3, IORING_ENTER_GETEVENTS);
        body();
    });
}

}  // namespace

TEST_CASE("a refusal is explained") {
    if (!kernel_has_uring()) return;
    CHECK(refusal_with(EPERM) == "io_uring_setup: EPERM (Operation not permitted)");
    CHECK(refusal_with(ENOSYS) == "io_uring_setup: ENOSYS (Function not implemented)");
    CHECK(refusal_with(ENOMEM) == "io_uring_setup: ENOMEM (Cannot allocate memory)");
    CHECK(refusal_with(EINVAL) == "io_uring_setup: EINVAL (Invalid argument)");
    std::string why;
    const int next = ::dup(0);
    ::close(next);
    {
        const descriptor_limit limit(static_cast<rlim_t>(next));
        CHECK_FALSE(make_uring_engine({}, why));
    }
    CHECK(why.find("EMFILE") != std::string::npos);
}

TEST_CASE("without registrations streams are read after a poll") {
    if (!kernel_has_uring()) return;
    in_thread([] {
        refuse(SYS_io_uring_register, EINVAL);
        test_driver driver;
        REQUIRE(driver);
        pair p(*driver);
        for (int i = 0; i < 10; ++i) {
            p.feed("text");
            CHECK(read_text(driver, *p.stream) == "text");
        }
    });
}

TEST_CASE("operations that find the submission queue full wait for the next turn") {
    if (!kernel_has_uring()) return;
    short_of_memory([] {
        const descriptor_limit limit(5000);
        test_driver driver;
        std::vector<pair> pairs;
        std::vector<std::unique_ptr<receive_chunk_op>> reads;
        for (int i = 0; i < 600; ++i) {
            pairs.emplace_back(*driver);
            reads.push_back(std::make_unique<receive_chunk_op>(pairs.back().stream.get()));
            REQUIRE_FALSE(driver->start(*reads.back()));
        }
        CHECK(driver->has_queued());
        for (auto& p : pairs) p.feed("x");
        for (auto& op : reads) {
            REQUIRE(driver.finish(*op));
            REQUIRE(op->received.text() == "x");
        }
        driver.settle();
        CHECK_FALSE(driver->has_queued());
    });
}

TEST_CASE("cancels and closes that find the submission queue full are not lost") {
    if (!kernel_has_uring()) return;
    for (const bool close : {false, true}) {
        CAPTURE(close);
        short_of_memory([close] {
            const descriptor_limit limit(5000);
            const disabled without("direct_send");
            test_driver driver;
            std::vector<pair> pairs;
            std::vector<std::unique_ptr<send_op>> sends;
            const std::string text = pattern(1 << 20);
            std::vector<const_bytes> all(400, const_bytes(text));
            for (std::size_t i = 0; i < 400; ++i) {
                pairs.emplace_back(*driver);
                sends.push_back(std::make_unique<send_op>(pairs.back().stream.get(), &all[i], 1));
                REQUIRE_FALSE(driver->start(*sends.back()));
                if (i % 100 == 0) driver.turn();
            }
            if (close) {
                for (auto& p : pairs) p.stream.reset();
            } else {
                for (std::size_t i = 0; i < 400; ++i) {
                    driver->cancel(*sends[i]);
                    if (i % 50 == 0) driver->cancel_and_wait(*sends[i]);
                }
            }
            for (auto& op : sends) {
                REQUIRE(driver.finish(*op));
                CHECK(op->code() == (close ? make_error_code(async::errc::closed)
                                           : async::io::operation::to_error_code(error_cancelled)));
            }
        });
    }
}

TEST_CASE("the ring is not used in a child process") {
    test_driver driver;
    if (!driver) return;
    driver.turn();
    const pid_t child = ::fork();
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL);
        const int quiet = ::open("/dev/null", O_WRONLY);
        ::dup2(quiet, 2);
        driver->visit(driver->clock() + 1ms);
        ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGABRT);
    pair p(*driver);
    p.feed("still here");
    CHECK(read_text(driver, *p.stream) == "still here");
}
