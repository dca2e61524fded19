// Environment variables that are set for a while.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>

namespace async_tests {

class environment_variable {
public:
    // Null removes the variable.
    environment_variable(const char* name, const char* value) : name_(name) {
        if (const char* before = std::getenv(name)) before_ = before;
        assign(value);
    }
    environment_variable(const environment_variable&) = delete;
    environment_variable& operator=(const environment_variable&) = delete;
    ~environment_variable() { assign(before_ ? before_->c_str() : nullptr); }

private:
    void assign(const char* value) {
#ifdef _WIN32
        ::_putenv_s(name_.c_str(), value ? value : "");
#else
        if (value) {
            ::setenv(name_.c_str(), value, 1);
        } else {
            ::unsetenv(name_.c_str());
        }
#endif
    }

    std::string name_;
    std::optional<std::string> before_;
};

}  // namespace async_tests
