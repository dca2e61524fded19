// The cancel classes of connections by way of proxies, derived.
#include <libasync/net/proxy.hpp>

#include <tests/support/cancel_class_probes.hpp>
#include <tests/support/fake_proxy.hpp>

using namespace async_tests;

namespace {

// A proxy that does not answer the first client.
template <class Connect>
std::string class_of_connecting(Connect connect_by) {
    return class_of(observe([connect_by](cancel_subject& subject, facts&) -> task<void> {
        fake_proxy proxy;
        auto silent = create_task(proxy.serve({}, async_tests::ending::is_silent));
        auto ending = co_await subject.run(connect_by(proxy.where()));
        must(ending.cancelled(), "the proxy is silent");
        silent.cancel();
        co_await silent.wait();
    }));
}

// A stream that is given away is gone.
template <class Connect>
std::string class_of_using(Connect connect_by) {
    return class_of(observe([connect_by](cancel_subject& subject, facts& seen) -> task<void> {
        fake_proxy proxy;
        auto silent = create_task(proxy.serve({}, async_tests::ending::is_silent));
        tcp_stream stream = co_await connect(proxy.where());
        auto ending = co_await subject.run(connect_by(std::move(stream)));
        must(ending.cancelled(), "the proxy is silent");
        co_await silent;  // sees the end of the stream
        seen.half_done += ending.cancelled();
    }));
}

const cancel_class_probes of_proxies{
    {"socks5_connect",
     [] { return class_of_using([](tcp_stream s) { return socks5_connect(std::move(s), "example.org", 443); }); }},
    {"socks5_connect#2",
     [] { return class_of_connecting([](endpoint e) { return socks5_connect(e, "example.org", 443); }); }},
    {"http_connect",
     [] { return class_of_using([](tcp_stream s) { return http_connect(std::move(s), "example.org", 443); }); }},
    {"http_connect#2",
     [] { return class_of_connecting([](endpoint e) { return http_connect(e, "example.org", 443); }); }},
};

}  // namespace
