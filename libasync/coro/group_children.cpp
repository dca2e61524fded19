#include <libasync/coro/group_children.hpp>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>

#include <libasync/coro/exception_group.hpp>

namespace async::inline v0::detail {

namespace {

std::string name_of(const std::source_location& created) {
    std::string_view file = created.file_name();
    file.remove_prefix(file.find_last_of("/\\") + 1);
    return "task group at " + std::string(file) + ":" + std::to_string(created.line());
}

}  // namespace

group_children::group_children(loop_core& core) : child_group(core) { failures_.reserve(2); }

group_children::~group_children() = default;

void group_children::prepare_start(const char* operation) {
    if (!body_runs_ && running() == 0) throw std::logic_error(std::string(operation) + ": the group has ended");
    const std::size_t needed = failures_.size() + running() + 2;
    if (needed > failures_.capacity()) failures_.reserve(std::max(needed, 2 * failures_.capacity()));
}

void group_children::body_failed(const std::exception_ptr& failure) noexcept {
    const bool known = std::find(failures_.begin(), failures_.end(), failure) != failures_.end();
    if (!known) note(failure);
}

void group_children::note(const std::exception_ptr& failure) noexcept {
    failures_.push_back(failure);
    children_scope().cancel();
}

void group_children::rethrow_failures(const std::source_location& created) const {
    if (failures_.empty()) return;
    try {
        throw exception_group(name_of(created), failures_);
    } catch (const std::bad_alloc&) {
        for (const std::exception_ptr& failure : failures_) {
            core().face->report({"no memory to throw the failure of a task group", {}, created, failure});
        }
        throw;
    }
}

}  // namespace async::inline v0::detail
