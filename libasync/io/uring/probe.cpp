#include <libasync/io/uring/probe.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include <liburing.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace async::inline v0::io::uring {

namespace {

std::string describe(const char* call, int error) {
    const char* name = nullptr;
#ifdef __GLIBC__
    name = strerrorname_np(error);
#endif
    const std::string code = name ? name : std::to_string(error);
    return std::string(call) + ": " + code + " (" + std::strerror(error) + ")";
}

// A ring and the descriptors that the trials need, given back in the end.
class trial {
public:
    trial() {
        if (const int result = io_uring_queue_init(8, &ring_, 0); result < 0) throw refusal("io_uring_setup", -result);
    }
    trial(const trial&) = delete;
    trial& operator=(const trial&) = delete;
    ~trial() {
        io_uring_queue_exit(&ring_);
        for (const int fd : {pair_[0], pair_[1], listener_}) {
            if (fd >= 0) ::close(fd);
        }
        if (buffers_ != MAP_FAILED) ::munmap(buffers_, page_size);
    }

    features run();

private:
    // The requests that are tried; each stays pending, or ends at once because the kernel does not know it.
    enum attempt : unsigned { receive, accept, poll, attempts };
    static constexpr std::size_t page_size = 4096;

    void ask_operations(features& found);
    bool open_sockets();
    bool register_buffers();
    io_uring_sqe* request(attempt what);
    void try_multishot(features& found);

    io_uring ring_{};
    int pair_[2] = {-1, -1};
    int listener_ = -1;
    void* buffers_ = MAP_FAILED;
};

void trial::ask_operations(features& found) {
    const std::unique_ptr<io_uring_probe, void (*)(io_uring_probe*)> answer(io_uring_get_probe_ring(&ring_),
                                                                            io_uring_free_probe);
    if (!answer) throw refusal("this kernel's io_uring cannot be asked for its operations");
    const auto has = [&](int opcode) { return io_uring_opcode_supported(answer.get(), opcode) != 0; };
    for (const int needed : {IORING_OP_RECV, IORING_OP_SEND, IORING_OP_SENDMSG, IORING_OP_ACCEPT, IORING_OP_CONNECT,
                             IORING_OP_POLL_ADD, IORING_OP_ASYNC_CANCEL}) {
        if (!has(needed)) throw refusal("this kernel's io_uring lacks socket operations");
    }
    found.open_file = has(IORING_OP_OPENAT);
    found.read_file = has(IORING_OP_READ);
    found.write_file = has(IORING_OP_WRITE);
    found.sync_file = has(IORING_OP_FSYNC);
    found.close_file = has(IORING_OP_CLOSE);
}

bool trial::open_sockets() {
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair_) != 0) return false;
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un unnamed{};
    unnamed.sun_family = AF_UNIX;  // of this size, it makes the kernel choose an abstract name
    return listener_ >= 0 && ::bind(listener_, reinterpret_cast<const sockaddr*>(&unnamed), sizeof(sa_family_t)) == 0 &&
           ::listen(listener_, 1) == 0;
}

bool trial::register_buffers() {
    buffers_ = ::mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffers_ == MAP_FAILED) return false;
    auto* entries = static_cast<io_uring_buf*>(buffers_);
    entries[0].addr = reinterpret_cast<std::uintptr_t>(buffers_) + page_size / 2;
    entries[0].len = page_size / 2;
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(buffers_);
    registration.ring_entries = 1;
    if (io_uring_register_buf_ring(&ring_, &registration, 0) != 0) return false;
    __atomic_store_n(&entries[0].resv, std::uint16_t{1}, __ATOMIC_RELEASE);  // the ring's tail
    return true;
}

io_uring_sqe* trial::request(attempt what) {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    if (!sqe) throw refusal("this kernel's io_uring takes no requests");
    std::memset(sqe, 0, sizeof *sqe);
    sqe->user_data = what;
    return sqe;
}

void trial::try_multishot(features& found) {
    io_uring_prep_multishot_accept(request(accept), listener_, nullptr, nullptr, SOCK_CLOEXEC);
    io_uring_prep_poll_multishot(request(poll), pair_[0], POLLIN);
    if (found.buffer_ring) {
        io_uring_sqe* sqe = request(receive);
        io_uring_prep_recv_multishot(sqe, pair_[0], nullptr, 0, 0);
        sqe->flags |= IOSQE_BUFFER_SELECT;
    }
    bool ended[attempts] = {!found.buffer_ring, false, false};
    if (io_uring_submit(&ring_) < 0) throw refusal("this kernel's io_uring takes no requests");
    io_uring_cqe* cqe = nullptr;
    while (io_uring_peek_cqe(&ring_, &cqe) == 0) {
        ended[cqe->user_data] = true;
        io_uring_cqe_seen(&ring_, cqe);
    }
    found.multishot_receive = !ended[receive];
    found.multishot_accept = !ended[accept];
    found.multishot_poll = !ended[poll];
}

features trial::run() {
    features found;
    if ((ring_.features & IORING_FEAT_EXT_ARG) == 0 || (ring_.features & IORING_FEAT_NODROP) == 0)
        throw refusal("this kernel's io_uring cannot wait with a timeout, or drops completions");
    ask_operations(found);
    if (!open_sockets()) throw refusal("socket", errno);
    found.buffer_ring = register_buffers();
    try_multishot(found);
    return found;
}

void disable(features& all, std::string_view name) {
    static constexpr struct {
        std::string_view name;
        bool features::* member;
    } switches[] = {
        {"defer_taskrun", &features::defer_taskrun},
        {"multishot_receive", &features::multishot_receive},
        {"multishot_accept", &features::multishot_accept},
        {"multishot_poll", &features::multishot_poll},
        {"buffer_ring", &features::buffer_ring},
        {"registered_ring", &features::registered_ring},
        {"direct_send", &features::direct_send},
        {"open_file", &features::open_file},
        {"read_file", &features::read_file},
        {"write_file", &features::write_file},
        {"sync_file", &features::sync_file},
        {"close_file", &features::close_file},
    };
    for (const auto& s : switches) {
        if (s.name == name) all.*s.member = false;
    }
}

}  // namespace

refusal::refusal(const char* call, int error) : std::runtime_error(describe(call, error)) {}

const features& kernel_features() {
    static const features found = trial().run();
    return found;
}

features enabled_features() {
    features all = kernel_features();
    const char* list = std::getenv("LIBASYNC_URING_DISABLE");
    std::string_view rest = list ? list : "";
    while (!rest.empty()) {
        const std::size_t end = rest.find(',');
        disable(all, rest.substr(0, end));
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    }
    return all;
}

}  // namespace async::inline v0::io::uring
