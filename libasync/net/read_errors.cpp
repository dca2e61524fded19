#include <libasync/net/read_errors.hpp>

#include <utility>

#include <libasync/error.hpp>

namespace async::inline v0 {

incomplete_read::incomplete_read(const std::string& what, std::string partial, std::size_t expected)
    : std::system_error(make_error_code(errc::incomplete), what),
      partial_(std::make_shared<const std::string>(std::move(partial))),
      expected_(expected) {}
incomplete_read::~incomplete_read() = default;

const std::string& incomplete_read::partial() const noexcept {
    return *static_cast<const std::string*>(partial_.get());
}

limit_overrun::limit_overrun(const std::string& what, std::size_t consumed)
    : std::system_error(make_error_code(errc::limit_overrun), what),
      consumed_(consumed) {}
limit_overrun::~limit_overrun() = default;

}  // namespace async::inline v0
