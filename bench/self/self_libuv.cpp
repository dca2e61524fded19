// libuv as a rival of the self-echo.
#include "peers/libuv_server.hpp"
#include "self_echo.hpp"

namespace self_echo {
namespace {

using peers::writing;

class libuv_server final : public server {
public:
    explicit libuv_server(writing mode) : echo_(mode, 0) {}

    std::uint16_t port() const override { return echo_.port(); }
    std::uint64_t echoed() const override { return echo_.echoed(); }
    void serve_until(std::uint64_t total) override {
        while (echo_.echoed() < total) echo_.run(UV_RUN_ONCE);
    }

private:
    peers::uv_echo echo_;
};

}  // namespace

void add_libuv(rivals& list) {
    list.push_back({"libuv try_write", role::peer,
                    [](const echo_case&) { return std::make_unique<libuv_server>(writing::try_first); }});
    list.push_back({"libuv uv_write", role::peer,
                    [](const echo_case&) { return std::make_unique<libuv_server>(writing::always_queued); }});
}

}  // namespace self_echo
