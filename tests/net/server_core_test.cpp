#include <libasync/net/server_core.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <source_location>
#include <system_error>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

using async::detail::server_core;
using async::detail::stream_ptr;

// Of no kind of socket: accepting fails with one error after the other, and then waits.
class failing_listener final : public async::detail::server_listener {
public:
    failing_listener(std::vector<std::errc> errors, std::size_t& told, bool& closed)
        : errors_(std::move(errors)),
          told_(told),
          closed_(closed) {}

    task<stream_ptr> accept() override {
        co_await yield();
        if (told_ < errors_.size()) throw std::system_error(std::make_error_code(errors_[told_++]), "accept");
        for (;;) co_await async::sleep(std::chrono::hours(1));
    }
    task<void> close() override {
        closed_ = true;
        co_return;
    }
    void close_in_background() noexcept override { closed_ = true; }
    async::connection_info describe(const async::detail::stream_state&) const noexcept override { return {}; }

private:
    std::vector<std::errc> errors_;
    std::size_t& told_;
    bool& closed_;
};

std::shared_ptr<server_core> server_on(failing_listener* listener) {
    return std::make_shared<server_core>(
        async::detail::owned<async::detail::server_listener>(listener),
        [](stream_ptr, const async::connection_info&) -> task<void> { co_return; }, async::server_options(),
        std::source_location::current());
}

}  // namespace

TEST_CASE("what went wrong with one connection before it was accepted does not end the server") {
    on_every_engine([]() -> task<void> {
        const std::vector<std::errc> passing{std::errc::connection_aborted, std::errc::protocol_error,
                                             std::errc::operation_not_permitted, std::errc::host_unreachable};
        std::size_t told = 0;
        bool closed = false;
        const auto server = server_on(new failing_listener(passing, told, closed));
        auto serving = create_task(server_core::serve(server));
        for (int i = 0; i < 100 && told < passing.size(); ++i) co_await yield();
        CHECK(told == passing.size());
        CHECK(!serving.done());
        CHECK(!server->is_closed());
        CHECK(server->accepted() == 0);
        server->close();
        co_await serving;
        CHECK(closed);
    });
}

TEST_CASE("an error of the listener itself ends the server, which closes it and says so") {
    on_every_engine([]() -> task<void> {
        std::size_t told = 0;
        bool closed = false;
        const auto server =
            server_on(new failing_listener({std::errc::connection_aborted, std::errc::invalid_argument}, told, closed));
        std::error_code error;
        try {
            co_await server_core::serve(server);
        } catch (const std::system_error& e) {
            error = e.code();
        }
        CHECK(error == std::errc::invalid_argument);
        CHECK(told == 2);
        CHECK(closed);
        CHECK(server->is_closed());
    });
}
