#include <libasync/io/sim/wake_signal.hpp>

#ifdef _WIN32

#include <system_error>

#include <windows.h>

namespace async::inline v0::io::sim {

namespace {

constexpr BOOL reset_by_wait = FALSE;
constexpr BOOL not_raised = FALSE;

}  // namespace

wake_signal::wake_signal() : event_(::CreateEventW(nullptr, reset_by_wait, not_raised, nullptr)) {
    if (!event_) {
        throw std::system_error(static_cast<int>(::GetLastError()), std::system_category(), "CreateEvent");
    }
}

wake_signal::~wake_signal() { ::CloseHandle(event_); }

void wake_signal::raise() noexcept { ::SetEvent(event_); }

void wake_signal::wait() noexcept { ::WaitForSingleObject(event_, INFINITE); }

bool wake_signal::wait_for(std::chrono::milliseconds time) noexcept {
    return ::WaitForSingleObject(event_, static_cast<DWORD>(time.count())) == WAIT_OBJECT_0;
}

}  // namespace async::inline v0::io::sim

#endif
