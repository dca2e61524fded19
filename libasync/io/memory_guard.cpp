#include <libasync/io/memory_guard.hpp>

#if LIBASYNC_GUARDS_MEMORY

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include <sanitizer/asan_interface.h>

#include <libasync/detail/unfailing.hpp>

namespace async::inline v0::io::memory_guard {

namespace {

struct region {
    const char* what;
    const void* address;
    std::size_t size;
};

struct record {
    op_kind kind;
    native_handle object = invalid_handle;
    std::vector<region> regions;
};

// A copy: the operation itself may be what is freed.
using books = std::map<std::pair<const operation*, holder>, record>;
thread_local books held;

template <class Operation>
const Operation& as(const operation& op) noexcept {
    return static_cast<const Operation&>(op);
}

void describe(const transfer_op& op, record& r) {
    r.object = op.file;
    r.regions.push_back({"operation", &op, sizeof op});
    r.regions.push_back({"buffer", op.data, op.size});
}

void describe(const send_op& op, record& r) {
    r.object = op.target->handle;
    r.regions.push_back({"operation", &op, sizeof op});
    r.regions.push_back({"list of buffers", op.buffers, op.count * sizeof *op.buffers});
    for (std::size_t i = 0; i < op.count; ++i)
        r.regions.push_back({"buffer", op.buffers[i].data(), op.buffers[i].size()});
    if (op.native_message) r.regions.push_back({"message header", op.native_message, 64});
}

void describe(const receive_op& op, record& r) {
    r.object = op.source->handle;
    r.regions.push_back({"operation", &op, sizeof op});
    r.regions.push_back({"buffer", op.data, op.size});
}

void describe(const open_file_op& op, record& r) {
    r.regions.push_back({"operation", &op, sizeof op});
    r.regions.push_back({"path", op.path, std::strlen(op.path) + 1});
}

template <class Operation>
void describe_plain(const Operation& op, native_handle object, record& r) {
    r.object = object;
    r.regions.push_back({"operation", &op, sizeof op});
}

void describe(const operation& op, record& r) {
    switch (op.kind) {
        case op_kind::accept: return describe_plain(as<accept_op>(op), as<accept_op>(op).listener->handle, r);
        case op_kind::connect: return describe_plain(as<connect_op>(op), as<connect_op>(op).target->handle, r);
        case op_kind::receive: return describe(as<receive_op>(op), r);
        case op_kind::receive_chunk:
            return describe_plain(as<receive_chunk_op>(op), as<receive_chunk_op>(op).source->handle, r);
        case op_kind::wait: return describe_plain(as<wait_op>(op), as<wait_op>(op).target->handle, r);
        case op_kind::wait_handle: return describe_plain(as<wait_op>(op), as<wait_op>(op).handle, r);
        case op_kind::pause: return describe_plain(as<pause_op>(op), as<pause_op>(op).target->handle, r);
        case op_kind::send: return describe(as<send_op>(op), r);
        case op_kind::shut_down: return describe_plain(as<shut_down_op>(op), as<shut_down_op>(op).target->handle, r);
        case op_kind::close: return describe_plain(as<close_op>(op), as<close_op>(op).target->handle, r);
        case op_kind::open_file: return describe(as<open_file_op>(op), r);
        case op_kind::read_at:
        case op_kind::write_at: return describe(as<transfer_op>(op), r);
        case op_kind::work: return describe_plain(as<work_op>(op), invalid_handle, r);
        default: return describe_plain(as<file_op>(op), as<file_op>(op).file, r);
    }
}

const char* name_of(op_kind kind) noexcept {
    switch (kind) {
        case op_kind::accept: return "accept";
        case op_kind::connect: return "connect";
        case op_kind::receive: return "receive";
        case op_kind::receive_chunk: return "receive_chunk";
        case op_kind::wait:
        case op_kind::wait_handle: return "wait";
        case op_kind::pause: return "pause";
        case op_kind::send: return "send";
        case op_kind::shut_down: return "shut_down";
        case op_kind::close: return "close";
        case op_kind::open_file: return "open_file";
        case op_kind::read_at: return "read_at";
        case op_kind::write_at: return "write_at";
        case op_kind::file_size: return "file_size";
        case op_kind::sync_file: return "sync_file";
        case op_kind::close_file: return "close_file";
        case op_kind::work: return "work";
    }
    return "?";
}

// Freed memory is poisoned as a whole, so of a large buffer the two ends will do.
bool is_freed(const region& r) noexcept {
    constexpr std::size_t enough = 4096;
    if (r.size == 0) return false;
    auto* first = static_cast<char*>(const_cast<void*>(r.address));
    return __asan_region_is_poisoned(first, std::min(r.size, enough)) != nullptr ||
           __asan_address_is_poisoned(first + r.size - 1) != 0;
}

[[noreturn]] void fail(const record& owner, holder by, const region& r) noexcept {
    std::fprintf(stderr, "libasync: the %s (%zu bytes at %p) of a pending %s on %lld was freed: the %s still uses it\n",
                 r.what, r.size, r.address, name_of(owner.kind), static_cast<long long>(owner.object),
                 by == holder::kernel ? "kernel" : "engine");
    __asan_describe_address(const_cast<void*>(r.address));
    detail::assertion_failed("memory in use is not freed", "an operation and its buffers stay until it is done",
                             __FILE__, __LINE__);
}

}  // namespace

void hold(holder by, const operation& op) noexcept {
    const detail::unfailing no_failures;
    record r{.kind = op.kind, .regions = {}};
    describe(op, r);
    held.insert_or_assign({&op, by}, std::move(r));
}

void let_go(holder by, const operation& op) noexcept { held.erase({&op, by}); }

void check() noexcept {
    for (const auto& [key, owner] : held) {
        for (const region& r : owner.regions) {
            if (is_freed(r)) fail(owner, key.second, r);
        }
    }
}

void forbid(const void* memory, std::size_t size) noexcept { __asan_poison_memory_region(memory, size); }

void allow(const void* memory, std::size_t size) noexcept { __asan_unpoison_memory_region(memory, size); }

}  // namespace async::inline v0::io::memory_guard

#endif
