// Who waits for what: the tasks of a loop that have not ended, for messages and debuggers.
#pragma once

#include <string>

namespace async::inline v0::detail {

struct loop_core;

// One paragraph per task: its name, where it was created, and the chain of awaits in which it is suspended, with file
// and line, outermost first. Chains and lists that are very long are cut short.
std::string describe_tasks(loop_core& core);

}  // namespace async::inline v0::detail
