#include <libasync/coro/group_children.hpp>

#include <new>
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
