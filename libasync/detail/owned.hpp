// std::unique_ptr for headers that everybody includes: each type of that costs the compiler as much as a small header.
#pragma once

#include <cstddef>
#include <utility>

#include <libasync/config.hpp>

namespace async::inline v0::detail {

template <class T>
class owned {
public:
    owned() = default;
    explicit owned(T* object) noexcept : object_(object) {}
    owned(owned&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    owned& operator=(owned&& other) noexcept {
        reset(std::exchange(other.object_, nullptr));
        return *this;
    }
    ~owned() { delete object_; }

    T* get() const noexcept { return object_; }
    T* operator->() const noexcept { return object_; }
    T& operator*() const noexcept { return *object_; }
    explicit operator bool() const noexcept { return object_ != nullptr; }
    void reset(T* object = nullptr) noexcept { delete std::exchange(object_, object); }

private:
    T* object_ = nullptr;
};

// Memory for so many bytes.
class owned_bytes {
public:
    // Throws std::bad_alloc.
    explicit owned_bytes(std::size_t size) : bytes_(new std::byte[size]) {}
    owned_bytes(const owned_bytes&) = delete;
    owned_bytes& operator=(const owned_bytes&) = delete;
    ~owned_bytes() { delete[] bytes_; }

    std::byte* get() const noexcept { return bytes_; }

private:
    std::byte* const bytes_;
};

}  // namespace async::inline v0::detail
