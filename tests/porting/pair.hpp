// One pair of docs/porting.md, as the code generated from it presents itself to the program that runs it.
#pragma once

#include <type_traits>
#include <vector>

#include <libasync/async.hpp>

namespace porting {

struct pair {
    pair(int line, const char* name, void (*run)()) : line(line), name(name), run(run) { all().push_back(this); }
    pair(const pair&) = delete;
    pair& operator=(const pair&) = delete;

    static std::vector<const pair*>& all() {
        static std::vector<const pair*> pairs;
        return pairs;
    }

    int line;
    const char* name;
    void (*run)();
};

// Most examples are tasks and get a loop of their own; those that show how to run one are plain functions.
template <auto example>
void run() {
    if constexpr (std::is_void_v<std::invoke_result_t<decltype(example)>>) {
        example();
    } else {
        async::run(example());
    }
}

}  // namespace porting
