// What an awaitable asks of the engine. An operation lives in its awaiter, in the coroutine frame: starting one
// allocates nothing. Its memory, and that of the buffers it names, belongs to the engine from `start` until the
// operation is done; only `engine::cancel_and_wait` gives it back earlier.
//
// Results own what they name (sockets, files, chunks), so a result nobody collects disposes of itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <system_error>

#include <libasync/detail/ready_node.hpp>
#include <libasync/error.hpp>
#include <libasync/io/buffer.hpp>
#include <libasync/io/endpoint.hpp>
#include <libasync/io/handle.hpp>

namespace async::inline v0::io {

enum class op_kind : std::uint8_t {
    accept,
    connect,
    receive,        // into the caller's memory, at least 1 byte
    receive_chunk,  // into a buffer of the engine
    wait,           // until a socket is ready
    pause,          // until the engine reads no more ahead from a socket
    send,           // all of it
    shut_down,      // ends the writing side of a socket, after which the peer reads its end
    close,          // a socket; pending operations on it end with errc::closed
    wait_handle,    // until what is not the engine's is ready
    open_file,
    read_at,
    write_at,
    file_size,
    sync_file,
    close_file,
    work,  // a function, in the thread pool
};

enum class op_state : std::uint8_t {
    idle,
    pending,  // the engine may touch the operation and its buffers
    done,     // the outcome is recorded; nothing changes it any more
};

struct operation : detail::ready_node {
    explicit operation(op_kind k) noexcept : kind(k) {}

    const op_kind kind;
    op_state state = op_state::idle;
    bool cancel_requested = false;
    std::uint8_t phase = 0;   // the engine's own
    int error = 0;            // 0, an errno value, or a negated async::errc
    std::int64_t result = 0;  // bytes, if the operation counts any

    void fail(errc e) noexcept { error = -static_cast<int>(e); }

    // The operation has failed without being started.
    void fail_early(errc e) noexcept {
        fail(e);
        state = op_state::done;
    }

    std::error_code code() const noexcept { return to_error_code(error); }

    static std::error_code to_error_code(int error) noexcept {
        if (error < 0) return make_error_code(static_cast<errc>(-error));
        return {error, std::generic_category()};
    }
};

// The result value of an operation that was cancelled before it did anything.
inline constexpr int error_cancelled = static_cast<int>(std::errc::operation_canceled);

struct accept_op : operation {
    explicit accept_op(socket* l) noexcept : operation(op_kind::accept), listener(l) {}
    socket* listener;
    socket_ptr accepted;
};

struct connect_op : operation {
    connect_op(socket* s, const endpoint& peer) noexcept : operation(op_kind::connect), target(s), to(peer) {}
    socket* target;
    endpoint to;
    alignas(8) std::byte native_address[32];  // the engine's form of `to`
};

struct receive_op : operation {
    receive_op(socket* s, void* d, std::size_t n) noexcept : operation(op_kind::receive), source(s), data(d), size(n) {}
    socket* source;
    void* data;
    std::size_t size;
};

struct receive_chunk_op : operation {
    explicit receive_chunk_op(socket* s) noexcept : operation(op_kind::receive_chunk), source(s) {}
    socket* source;
    chunk received;
};

// What one waits for when one wants to make the call oneself.
enum class readiness : std::uint8_t { readable, writable };

// Takes nothing: whoever waits makes the call then, and may find that it would block after all.
struct wait_op : operation {
    wait_op(socket* s, readiness r) noexcept : operation(op_kind::wait), target(s), what(r) {}
    wait_op(native_handle h, readiness r) noexcept : operation(op_kind::wait_handle), handle(h), what(r) {}
    socket* target = nullptr;
    native_handle handle = invalid_handle;  // of one that has no socket: it must stay open
    void* watch = nullptr;                  // what the engine has of it
    readiness what;
    // `result` is not 0 if the engine itself holds bytes that were read ahead: the next receive gives these. If it is 0,
    // the engine reads nothing ahead until then: whoever waited may read past it.
};

// Fails with errc::busy while another operation is pending on the socket. Afterwards every byte that the engine has read
// ahead is there to be received at once, and it holds nothing of the socket, until the next operation.
struct pause_op : operation {
    explicit pause_op(socket* s) noexcept : operation(op_kind::pause), target(s) {}
    socket* target;
};

struct send_op : operation {
    send_op(socket* s, const_bytes* b, std::size_t n) noexcept
        : operation(op_kind::send),
          target(s),
          buffers(b),
          count(n) {}
    socket* target;
    const_bytes* buffers;  // the engine moves them on as they are sent
    std::size_t count;
    void* native_message = nullptr;  // 64 bytes for a msghdr, or null: then one buffer is sent at a time
};

struct shut_down_op : operation {
    explicit shut_down_op(socket* s) noexcept : operation(op_kind::shut_down), target(s) {}
    socket* target;
};

struct close_op : operation {
    explicit close_op(socket* s) noexcept : operation(op_kind::close), target(s) {}
    socket* target;
};

enum class open_mode : std::uint8_t {
    read,        // must exist
    write,       // created or truncated
    append,      // created; writes go to the end
    read_write,  // must exist
    create_new,  // read and write; must not exist
};

struct open_file_op : operation {
    open_file_op(const char* p, open_mode m) noexcept : operation(op_kind::open_file), path(p), mode(m) {}
    const char* path;
    open_mode mode;
    file_handle opened;
};

struct transfer_op : operation {
    transfer_op(op_kind k, native_handle f, void* d, std::size_t n, std::uint64_t o) noexcept
        : operation(k),
          file(f),
          data(d),
          size(n),
          offset(o) {}
    native_handle file;
    void* data;
    std::size_t size;
    std::uint64_t offset;
};

struct file_op : operation {  // file_size, sync_file, close_file
    file_op(op_kind k, native_handle f) noexcept : operation(k), file(f) {}
    native_handle file;
};

class engine;
class thread_pool;

struct work_op : operation {
    explicit work_op(void (*f)(work_op&) noexcept, thread_pool* p = nullptr) noexcept
        : operation(op_kind::work),
          function(f),
          pool(p) {}
    void (*function)(work_op&) noexcept;
    thread_pool* pool;       // where it runs; null: in the engine's own
    engine* home = nullptr;  // whom another pool tells; set by the engine
};

// The pool of work that does not run in the engine's own; else null.
inline thread_pool* other_pool_of(const operation& op) noexcept {
    return op.kind == op_kind::work ? static_cast<const work_op&>(op).pool : nullptr;
}

// The operations that wait for their socket: reading (and accepting), or writing (and connecting).
inline bool is_on_socket(const operation& op) noexcept { return op.kind <= op_kind::send; }

inline bool is_reading(const operation& op) noexcept {
    switch (op.kind) {
        case op_kind::accept:
        case op_kind::receive:
        case op_kind::receive_chunk: return true;
        case op_kind::wait: return static_cast<const wait_op&>(op).what == readiness::readable;
        default: return false;
    }
}

// The socket of one that is_on_socket.
inline socket& socket_of(operation& op) noexcept {
    switch (op.kind) {
        case op_kind::accept: return *static_cast<accept_op&>(op).listener;
        case op_kind::connect: return *static_cast<connect_op&>(op).target;
        case op_kind::receive: return *static_cast<receive_op&>(op).source;
        case op_kind::receive_chunk: return *static_cast<receive_chunk_op&>(op).source;
        case op_kind::wait: return *static_cast<wait_op&>(op).target;
        case op_kind::pause: return *static_cast<pause_op&>(op).target;
        default: return *static_cast<send_op&>(op).target;
    }
}

}  // namespace async::inline v0::io
