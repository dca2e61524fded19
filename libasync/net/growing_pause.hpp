// The time between two tries of what the system has no event for.
//
//   for (growing_pause pause; !try_it();) co_await pause.next();
#pragma once

#include <algorithm>
#include <chrono>

#include <libasync/coro/sleep.hpp>

namespace async::inline v0::detail {

// 1 ms at first, then twice as long each time, up to 100 ms.
class growing_pause {
public:
    // Throws as sleep.
    sleep_description next() {
        const auto now = next_;
        next_ = std::min<std::chrono::milliseconds>(2 * next_, std::chrono::milliseconds(100));
        return sleep(now);
    }

private:
    std::chrono::milliseconds next_{1};
};

}  // namespace async::inline v0::detail
