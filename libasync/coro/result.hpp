// A value or an error code: what `as_result` makes of an operation, so that hot paths need not throw.
#pragma once

#include <optional>
#include <system_error>
#include <utility>

#include <libasync/config.hpp>

namespace async::inline v0 {

template <class T>
class [[nodiscard]] result {
public:
    result(T value) : value_(std::move(value)) {}
    result(std::error_code error) noexcept : error_(error) {}

    bool has_value() const noexcept { return value_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }

    // The error; zero if there is a value.
    std::error_code error() const noexcept { return error_; }

    // The value. Throws std::system_error with the error if there is none.
    T& value() & {
        require();
        return *value_;
    }
    T&& value() && {
        require();
        return std::move(*value_);
    }
    T& operator*() & { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }

private:
    void require() const {
        if (!value_) throw std::system_error(error_);
    }

    std::optional<T> value_;
    std::error_code error_;
};

template <>
class [[nodiscard]] result<void> {
public:
    result() noexcept = default;
    result(std::error_code error) noexcept : error_(error) {}

    bool has_value() const noexcept { return !error_; }
    explicit operator bool() const noexcept { return has_value(); }
    std::error_code error() const noexcept { return error_; }
    void value() const {
        if (error_) throw std::system_error(error_);
    }

private:
    std::error_code error_;
};

}  // namespace async::inline v0
