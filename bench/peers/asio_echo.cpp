// `asio_echo --port N [--style awaitable]`
#include "arguments.hpp"
#include "asio_servers.hpp"

int main(int argc, char** argv) {
    using namespace peers;
    const auto port = port_of(argc, argv);
    if (std::string_view(value_of(argc, argv, "--style", "callbacks")) == "awaitable")
        awaitable_echo(port).run();
    else
        callback_echo(port).run();
}
