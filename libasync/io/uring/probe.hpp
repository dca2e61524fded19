// What the kernel's io_uring can do: asked once per process, and tried where no question exists.
#pragma once

#include <stdexcept>
#include <string>

#include <libasync/config.hpp>

namespace async::inline v0::io::uring {

// Why the engine cannot run here, naming the call: "io_uring_setup: EPERM (Operation not permitted)".
class refusal : public std::runtime_error {
public:
    explicit refusal(const char* text) : std::runtime_error(text) {}
    refusal(const char* call, int error);
};

// What the engine does without if it must.
struct features {
    bool defer_taskrun = true;
    bool multishot_receive = true;
    bool multishot_accept = true;
    bool multishot_poll = true;
    bool buffer_ring = true;
    bool registered_ring = true;
    bool direct_send = true;  // tries a system call before it queues a request

    bool open_file = true;  // what is missing of these goes to the thread pool
    bool read_file = true;
    bool write_file = true;
    bool sync_file = true;
    bool close_file = true;
};

// What this kernel offers. Throws refusal if it cannot serve at all.
const features& kernel_features();

// The same, without what LIBASYNC_URING_DISABLE lists (comma separated names of the members above).
features enabled_features();

}  // namespace async::inline v0::io::uring
