#include <libasync/coro/exception_group.hpp>

#include <stdexcept>

#include <libasync/error.hpp>

namespace async::inline v0 {

struct exception_group::content {
    std::string message;
    std::string what;
    std::vector<std::exception_ptr> exceptions;
};

namespace {

// The group that it is; empty if it is none.
std::optional<exception_group> as_group(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const exception_group& group) {
        return group;
    } catch (...) {
        return std::nullopt;
    }
}

void append_leaves(const exception_group& group, std::vector<std::exception_ptr>& leaves) {
    for (const std::exception_ptr& failure : group.exceptions()) {
        if (const auto inner = as_group(failure)) {
            append_leaves(*inner, leaves);
        } else {
            leaves.push_back(failure);
        }
    }
}

std::string count_of(std::size_t failures) {
    return failures == 1 ? "1 failure" : std::to_string(failures) + " failures";
}

void append_tree(const exception_group& group, const std::string& indentation, std::string& text) {
    text.append(group.message()).append(" (").append(count_of(group.size())).append(")\n");
    std::size_t number = 0;
    for (const std::exception_ptr& failure : group.exceptions()) {
        const bool last = ++number == group.size();
        text.append(indentation).append(last ? "└─ " : "├─ ");
        const std::string below = indentation + (last ? "   " : "│  ");
        if (const auto inner = as_group(failure)) {
            append_tree(*inner, below, text);
            continue;
        }
        std::string line = detail::describe_exception(failure);
        for (std::size_t at = 0; (at = line.find('\n', at)) != std::string::npos; at += 1 + below.size()) {
            line.insert(at + 1, below);
        }
        text.append(line).append("\n");
    }
}

std::optional<exception_group> group_of(std::string_view message, std::vector<std::exception_ptr> failures) {
    if (failures.empty()) return std::nullopt;
    return exception_group(message, std::move(failures));
}

exception_group::parts split_group(const exception_group& group,
                                   unique_function<bool(const std::exception_ptr&)>& condition) {
    std::vector<std::exception_ptr> matched;
    std::vector<std::exception_ptr> rest;
    for (const std::exception_ptr& failure : group.exceptions()) {
        if (const auto inner = as_group(failure)) {
            const exception_group::parts below = split_group(*inner, condition);
            if (below.matched) matched.push_back(below.rest ? std::make_exception_ptr(*below.matched) : failure);
            if (below.rest) rest.push_back(below.matched ? std::make_exception_ptr(*below.rest) : failure);
        } else {
            (condition(failure) ? matched : rest).push_back(failure);
        }
    }
    return {group_of(group.message(), std::move(matched)), group_of(group.message(), std::move(rest))};
}

}  // namespace

exception_group::exception_group(std::string_view message, std::vector<std::exception_ptr> exceptions) {
    if (exceptions.empty()) throw std::invalid_argument("exception_group: at least one failure is needed");
    for (const std::exception_ptr& failure : exceptions) {
        if (failure == nullptr) throw std::invalid_argument("exception_group: a failure is null");
    }
    std::string what(message);
    what.append(": ").append(count_of(exceptions.size())).append(exceptions.size() == 1 ? ": " : ", the first: ");
    what.append(detail::describe_exception(exceptions.front()));
    content_ = std::make_shared<const content>(content{std::string(message), std::move(what), std::move(exceptions)});
}

exception_group::~exception_group() = default;

const char* exception_group::what() const noexcept { return content_->what.c_str(); }

std::string_view exception_group::message() const noexcept { return content_->message; }

std::span<const std::exception_ptr> exception_group::exceptions() const noexcept { return content_->exceptions; }

std::vector<std::exception_ptr> exception_group::leaves() const {
    std::vector<std::exception_ptr> found;
    append_leaves(*this, found);
    return found;
}

std::string exception_group::tree() const {
    std::string text;
    append_tree(*this, "", text);
    return text;
}

void exception_group::rethrow_if_single() const {
    exception_group group = *this;
    while (group.size() == 1) {
        const std::exception_ptr only = group.exceptions().front();
        const auto inner = as_group(only);
        if (!inner) std::rethrow_exception(only);
        group = *inner;
    }
}

bool exception_group::find(bool (*condition)(const std::exception_ptr&)) const {
    for (const std::exception_ptr& failure : exceptions()) {
        const auto inner = as_group(failure);
        if (inner ? inner->find(condition) : condition(failure)) return true;
    }
    return false;
}

exception_group::parts exception_group::split_if(unique_function<bool(const std::exception_ptr&)> condition) const {
    if (!condition) throw std::invalid_argument("exception_group::split_if: the condition is empty");
    return split_group(*this, condition);
}

}  // namespace async::inline v0
