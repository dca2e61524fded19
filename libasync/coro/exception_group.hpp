// Several failures as one exception: Python's ExceptionGroup. What a task group throws.
//
//   try {
//       co_await async::with_task_group(serve);
//   } catch (const async::exception_group& group) {
//       auto [unreachable, rest] = group.split<std::system_error>();
//       if (rest) std::fputs(rest->tree().c_str(), stderr);
//   }
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <libasync/detail/unique_function.hpp>
#include <libasync/config.hpp>

namespace async::inline v0 {

// Immutable; copies share what they hold, so copying does not throw. A failure may itself be a group: those without
// groups inside are the leaves of a tree.
class LIBASYNC_EXPORT exception_group : public std::exception {
public:
    struct parts;

    // Throws std::invalid_argument if there are no failures, or one is null; std::bad_alloc.
    exception_group(std::string_view message, std::vector<std::exception_ptr> exceptions);
    exception_group(const exception_group&) noexcept = default;
    exception_group& operator=(const exception_group&) noexcept = default;
    ~exception_group() override;

    // The message, how many failures there are, and what the first of them says.
    const char* what() const noexcept override;

    std::string_view message() const noexcept;

    // The failures of this group, in the order in which they came; groups among them as they are.
    std::span<const std::exception_ptr> exceptions() const noexcept;
    std::size_t size() const noexcept { return exceptions().size(); }

    // All failures that are no groups, here and in the groups inside. Throws std::bad_alloc.
    std::vector<std::exception_ptr> leaves() const;

    // The whole tree, one failure a line. Throws std::bad_alloc.
    std::string tree() const;

    // Throws the only leaf, if there is only one. Does nothing otherwise.
    void rethrow_if_single() const;

    // Whether some leaf is an E, or derived from it.
    template <class E>
    bool contains() const {
        return find(&is<E>);
    }

    // The group with only those leaves that are an E, or derived from it; then that with all others. The shape of the
    // tree is kept; a side without leaves is empty. Throws std::bad_alloc.
    template <class E>
    parts split() const;

    // The same, by a condition of one's own.
    parts split_if(unique_function<bool(const std::exception_ptr&)> condition) const;

private:
    struct content;

    template <class E>
    static bool is(const std::exception_ptr& failure) {
        try {
            std::rethrow_exception(failure);
        } catch (const E&) {
            return true;
        } catch (...) {
            return false;
        }
    }

    bool find(bool (*condition)(const std::exception_ptr&)) const;

    std::shared_ptr<const content> content_;
};

struct exception_group::parts {
    std::optional<exception_group> matched;
    std::optional<exception_group> rest;
};

template <class E>
exception_group::parts exception_group::split() const {
    return split_if(&is<E>);
}

}  // namespace async::inline v0
