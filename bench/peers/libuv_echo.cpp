// `libuv_echo --port N [--write queued]`
#include "arguments.hpp"
#include "libuv_server.hpp"

#include <csignal>

int main(int argc, char** argv) {
    using namespace peers;
    std::signal(SIGPIPE, SIG_IGN);
    const bool queued = std::string_view(value_of(argc, argv, "--write", "")) == "queued";
    uv_echo echo(queued ? writing::always_queued : writing::try_first, port_of(argc, argv));
    echo.run(UV_RUN_DEFAULT);
}
