// A port that nobody else gets, for workers that listen on it together.
//
//   const async::port_reservation port(async::endpoint::loopback(0));
//   async::run_workers(4, [&]() -> async::task<void> {
//       async::tcp_server server{port.local_endpoint(), handler, {.listen = {.reuse_port = true}}};
//       co_await server.serve();
//   });
#pragma once

#include <libasync/io/endpoint.hpp>
#include <libasync/io/handle.hpp>

namespace async::inline v0 {

// A socket of the operating system that is bound and does not listen: listeners with listen_options::reuse_port share its
// port, and it takes no connection from them. Needs no loop. Not copyable or movable.
class port_reservation {
public:
    // Port 0 lets the system choose. Throws std::system_error, for example address_in_use if somebody has the port who
    // does not share it, or function_not_supported where ports cannot be shared.
    explicit port_reservation(const endpoint& where);
    port_reservation(const port_reservation&) = delete;
    port_reservation& operator=(const port_reservation&) = delete;
    ~port_reservation();

    // With the port that was chosen.
    const endpoint& local_endpoint() const noexcept { return where_; }

private:
    endpoint where_;
    native_handle handle_;
};

}  // namespace async::inline v0
