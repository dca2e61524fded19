#ifdef _WIN32

#include <libasync/io/file_calls.hpp>
#include <libasync/io/windows_error.hpp>

#include <algorithm>
#include <cerrno>
#include <new>
#include <string>

#include <windows.h>

namespace async::inline v0::io {

namespace {

HANDLE handle_of(native_handle file) noexcept { return reinterpret_cast<HANDLE>(file); }

void fail(operation& op, DWORD code = ::GetLastError()) noexcept { op.error = errno_from_windows(code); }

struct open_arguments {
    DWORD access;
    DWORD disposition;
};

open_arguments arguments_of(open_mode mode) noexcept {
    switch (mode) {
        case open_mode::read: return {GENERIC_READ, OPEN_EXISTING};
        case open_mode::write: return {GENERIC_WRITE, CREATE_ALWAYS};
        // Without FILE_WRITE_DATA every write goes to the end.
        case open_mode::append: return {FILE_APPEND_DATA | SYNCHRONIZE, OPEN_ALWAYS};
        case open_mode::read_write: return {GENERIC_READ | GENERIC_WRITE, OPEN_EXISTING};
        case open_mode::create_new: return {GENERIC_READ | GENERIC_WRITE, CREATE_NEW};
    }
    return {GENERIC_READ, OPEN_EXISTING};
}

// The UTF-8 path in the system's UTF-16. Throws std::bad_alloc; empty if it is not UTF-8.
std::wstring wide(const char* path) {
    const int size = ::MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, nullptr, 0);
    if (size <= 0) return {};
    std::wstring result(static_cast<std::size_t>(size), L'\0');
    ::MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, result.data(), size);
    return result;
}

void open(open_file_op& op) noexcept {
    std::wstring path;
    try {
        path = wide(op.path);
    } catch (const std::bad_alloc&) {
        op.error = ENOMEM;
        return;
    }
    if (path.empty()) {
        op.error = EILSEQ;
        return;
    }
    const open_arguments a = arguments_of(op.mode);
    const HANDLE file = ::CreateFileW(path.c_str(), a.access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                      nullptr, a.disposition, FILE_ATTRIBUTE_NORMAL, nullptr);
    if (file == INVALID_HANDLE_VALUE) return fail(op);
    op.opened = file_handle(reinterpret_cast<native_handle>(file), native_calls());
}

// A transfer at an offset; the handle's own position plays no part.
template <class Call>
void transfer(transfer_op& op, Call call) noexcept {
    OVERLAPPED where{};
    where.Offset = static_cast<DWORD>(op.offset);
    where.OffsetHigh = static_cast<DWORD>(op.offset >> 32);
    const auto size = static_cast<DWORD>(std::min<std::size_t>(op.size, 1u << 30));
    DWORD count = 0;
    if (call(handle_of(op.file), op.data, size, &count, &where)) {
        op.result = count;
        return;
    }
    const DWORD code = ::GetLastError();
    if (code != ERROR_HANDLE_EOF) fail(op, code);
}

void measure(file_op& op) noexcept {
    LARGE_INTEGER size;
    if (!::GetFileSizeEx(handle_of(op.file), &size)) return fail(op);
    op.result = size.QuadPart;
}

void sync(file_op& op) noexcept {
    if (!::FlushFileBuffers(handle_of(op.file))) fail(op);
}

void close(file_op& op) noexcept {
    if (!::CloseHandle(handle_of(op.file))) fail(op);
}

}  // namespace

void execute_blocking(operation& op) noexcept {
    switch (op.kind) {
        case op_kind::open_file: return open(static_cast<open_file_op&>(op));
        case op_kind::read_at: return transfer(static_cast<transfer_op&>(op), &::ReadFile);
        case op_kind::write_at: return transfer(static_cast<transfer_op&>(op), &::WriteFile);
        case op_kind::file_size: return measure(static_cast<file_op&>(op));
        case op_kind::sync_file: return sync(static_cast<file_op&>(op));
        case op_kind::close_file: return close(static_cast<file_op&>(op));
        case op_kind::work: {
            auto& work = static_cast<work_op&>(op);
            return work.function(work);
        }
        default: op.error = EINVAL;
    }
}

void close_file(native_handle file) noexcept { ::CloseHandle(handle_of(file)); }

std::size_t cached(native_handle, std::uint64_t, std::size_t count) noexcept { return count; }

}  // namespace async::inline v0::io

#endif
