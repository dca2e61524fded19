#include <libasync/net/readiness.hpp>

namespace async::inline v0::detail {

std::string readiness_description::what() const {
    const char* const name = awaited == io::readiness::readable ? "readable " : "writable ";
    return name + std::to_string(handle);
}

}  // namespace async::inline v0::detail
