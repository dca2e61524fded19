// What is called at the end of the thread that made it: for a static thread_local variable.
#pragma once

#include <functional>

namespace async_tests {

struct at_end_of_thread {
    at_end_of_thread() = default;
    at_end_of_thread(const at_end_of_thread&) = delete;
    at_end_of_thread& operator=(const at_end_of_thread&) = delete;
    ~at_end_of_thread() {
        if (call) call();
    }

    std::function<void()> call;
};

}  // namespace async_tests
