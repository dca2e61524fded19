// The cancel classes of servers, derived.
#include <tests/support/cancel_class_probes.hpp>

using namespace async_tests;

namespace {

task<void> hold(tcp_stream stream) {
    const chunk data = co_await stream.read();
    static_cast<void>(data);
}

task<void> serve(cancel_subject& subject, facts& seen) {
    tcp_server server{"127.0.0.1", 0, hold};
    const auto ending = co_await subject.run(server.serve());
    must(ending.cancelled(), "nobody closes it");
    seen.half_done += server.is_closed();
    co_await server.wait_closed();
}

task<void> wait_closed(cancel_subject& subject) {
    tcp_server server{"127.0.0.1", 0, hold};
    const auto ending = co_await subject.run(server.wait_closed());
    must(ending.cancelled(), "it is not closed yet");
    server.close();
    co_await server.wait_closed();
}

task<void> wait_stopped(cancel_subject& subject) {
    tcp_server server{"127.0.0.1", 0, hold};
    const auto ending = co_await subject.run(server.wait_stopped());
    must(ending.cancelled(), "it is not closed yet");
    server.close();
    co_await server.wait_stopped();
}

const cancel_class_probes of_servers{
    {"basic_server::serve", [] { return class_of(observe(serve)); }},
    {"basic_server::wait_stopped", [] { return lossless_if(wait_stopped); }},
    {"basic_server::wait_closed", [] { return lossless_if(wait_closed); }},
};

}  // namespace
