// The entry point of the test program. Exit codes beyond doctest's own: 2 if the filters match no test case,
// 77 (skipped) if the io_uring engine is asked for where the kernel refuses it.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace {

unsigned matched_test_cases = 0;

struct match_counter : doctest::IReporter {
    explicit match_counter(const doctest::ContextOptions&) {}

    void test_run_end(const doctest::TestRunStats& stats) override {
        matched_test_cases = stats.numTestCasesPassingFilters;
    }

    void report_query(const doctest::QueryData&) override {}
    void test_run_start() override {}
    void test_case_start(const doctest::TestCaseData&) override {}
    void test_case_reenter(const doctest::TestCaseData&) override {}
    void test_case_end(const doctest::CurrentTestCaseStats&) override {}
    void test_case_exception(const doctest::TestCaseException&) override {}
    void subcase_start(const doctest::SubcaseSignature&) override {}
    void subcase_end() override {}
    void log_assert(const doctest::AssertData&) override {}
    void log_message(const doctest::MessageData&) override {}
    void test_case_skipped(const doctest::TestCaseData&) override {}
};

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

REGISTER_LISTENER("match_counter", 0, match_counter);

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
// Exceptions count their owners inside the standard library, which the sanitizer does not see: to it, who drops the last
// one races with those on other threads who have read it before.
extern "C" const char* __tsan_default_suppressions() {
    return "race:std::__exception_ptr::exception_ptr::_M_release\n"
           "race:std::logic_error::~logic_error\n"
           "race:std::runtime_error::~runtime_error\n";
}
#endif
#endif

int main(int argc, char** argv) {
    const char* engine = std::getenv("LIBASYNC_ENGINE");
    if (engine && std::strcmp(engine, "uring") == 0 && kernel_refuses_uring()) {
        std::perror("skipped: io_uring_setup");
        return 77;
    }

    // What a failure has to be repeated with.
    if (const char* faults = std::getenv("LIBASYNC_FAULTS")) std::printf("LIBASYNC_FAULTS=%s\n", faults);

    doctest::Context context(argc, argv);
    const int result = context.run();
    if (context.shouldExit()) return result;
    if (matched_test_cases == 0) {
        std::fputs("no test case matches\n", stderr);
        return 2;
    }
    return result;
}
