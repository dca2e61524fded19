// std::unique_ptr for headers that everybody includes: each type of that costs the compiler as much as a small header.
#pragma once

#include <cstddef>

#include <libasync/detail/exchange.hpp>

namespace async::inline v0::detail {

struct delete_it {
    template <class T>
    void operator()(T* object) const noexcept {
        delete object;
    }
};

template <class T, class Release = delete_it>
class owned {
public:
    owned() = default;
    owned(std::nullptr_t) noexcept {}
    explicit owned(T* object) noexcept : object_(object) {}
    owned(owned&& other) noexcept : object_(other.release()) {}
    owned& operator=(owned&& other) noexcept {
        reset(other.release());
        return *this;
    }
    ~owned() { reset(); }

    T* get() const noexcept { return object_; }
    T* operator->() const noexcept { return object_; }
    T& operator*() const noexcept { return *object_; }
    friend bool operator==(const owned& a, std::nullptr_t) noexcept { return a.object_ == nullptr; }
    explicit operator bool() const noexcept { return object_ != nullptr; }
    T* release() noexcept { return detail::exchange(object_, nullptr); }
    void reset(T* object = nullptr) noexcept {
        if (T* const before = detail::exchange(object_, object)) Release()(before);
    }

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
