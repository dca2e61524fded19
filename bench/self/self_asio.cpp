// Boost.Asio as a rival of the self-echo. Its io_context runs by run(), as in production.
#include "peers/asio_servers.hpp"
#include "self_echo.hpp"

namespace self_echo {
namespace {

template <typename Echo>
class asio_server final : public server {
public:
    std::uint16_t port() const override { return echo_.port(); }
    std::uint64_t echoed() const override { return echo_.echoed(); }
    void serve_until(std::uint64_t total) override { echo_.run_until(total); }

private:
    Echo echo_{0};
};

}  // namespace

void add_asio(rivals& list) {
    list.push_back({"asio callbacks", role::peer,
                    [](const echo_case&) { return std::make_unique<asio_server<peers::callback_echo>>(); }});
    list.push_back({"asio awaitable", role::peer,
                    [](const echo_case&) { return std::make_unique<asio_server<peers::awaitable_echo>>(); }});
}

}  // namespace self_echo
