#include <libasync/testing/check_failure.hpp>

#include <string>

namespace async::inline v0::testing {

namespace {

std::string message(std::string_view requirement, std::string_view detail, const std::source_location& where) {
    std::string text(requirement);
    text.append(": ").append(detail);
    text.append(" (").append(where.file_name()).append(":").append(std::to_string(where.line())).append(")");
    return text;
}

}  // namespace

check_failure::check_failure(std::string_view requirement, std::string_view detail, std::source_location where)
    : std::logic_error(message(requirement, detail, where)),
      where_(where) {}

check_failure::~check_failure() = default;

}  // namespace async::inline v0::testing
