// What a descriptor of the simulated system refers to, and the table of descriptors.
#pragma once

#include <memory>
#include <vector>

#include <libasync/detail/unfailing.hpp>
#include <libasync/io/handle.hpp>

namespace async::inline v0::io::sim {

// Whoever waits for an object to become ready. Told after each change that may matter, and may look in vain.
class readiness {
public:
    virtual void readable() noexcept = 0;
    virtual void writable() noexcept = 0;

protected:
    ~readiness() = default;
};

// Keeps injected failures of allocations (libasync/testing) out of the simulated system, which has no answer to them.
using detail::unfailing;

class object {
public:
    object() = default;
    object(const object&) = delete;
    object& operator=(const object&) = delete;
    virtual ~object() = default;

    // The last descriptor for it is closed.
    virtual void closed() noexcept = 0;

    // A call that reads, or writes, would not wait.
    virtual bool readable() const noexcept { return true; }
    virtual bool writable() const noexcept { return true; }
    virtual void watch(readiness* w) noexcept { watcher = w; }

    void retain() noexcept { ++users_; }
    void release() noexcept {
        if (--users_ == 0) closed();
    }

    readiness* watcher = nullptr;

private:
    unsigned users_ = 0;  // descriptors, and messages on their way that bring one
};

// As in a real system the lowest free descriptor is given out, so that one that is used after its end meets a
// stranger. They begin far above those of the real system, so that a mistaken real call finds nothing.
class descriptor_table {
public:
    static constexpr native_handle first = 0x40000000;

    // invalid_handle if `limit` descriptors are open.
    native_handle add(std::shared_ptr<object> o) noexcept;
    // Null if it is not open.
    std::shared_ptr<object> find(native_handle handle) const noexcept;
    template <class Object>
    std::shared_ptr<Object> find(native_handle handle) const noexcept {
        return std::dynamic_pointer_cast<Object>(find(handle));
    }
    // False if it is not open. The object is closed with its last descriptor.
    bool remove(native_handle handle) noexcept;

    std::size_t open() const noexcept { return open_; }
    bool full() const noexcept { return open_ >= limit; }

    std::size_t limit = 1024;

private:
    std::vector<std::shared_ptr<object>> objects_;
    std::size_t open_ = 0;
};

}  // namespace async::inline v0::io::sim
