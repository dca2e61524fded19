// The cancel classes of buffered reads, derived.
#include <tests/support/cancel_class_probes.hpp>
#include <tests/support/expect.hpp>

using namespace async_tests;

namespace {

using make_read = task<std::string> (*)(tcp_stream&);

// Half of the message is there when the read is cancelled; the next one must give it whole.
template <make_read make>
task<void> half_a_message(cancel_subject& subject) {
    stream_pair pair = co_await connected_pair();
    pair.server.unread("half ");
    const auto ending = co_await subject.run(make(pair.server));
    must(ending.cancelled(), "the other half was not there");
    co_await pair.client.write("whole\r\n");
    co_await pair.client.shutdown_write();
    const std::string got = co_await make(pair.server);
    must(got == "half whole\r\n", "nothing is lost");
    co_await pair.client.close();
    co_await pair.server.close();
}

task<std::string> exactly(tcp_stream& s) { return s.read_exactly(12); }
task<std::string> until_one(tcp_stream& s) { return s.read_until("\r\n"); }
task<std::string> until_any(tcp_stream& s) {
    constexpr std::string_view ends[] = {"\r\n", "||"};
    return s.read_until(ends);
}
task<std::string> line(tcp_stream& s) { return s.read_line(); }
task<std::string> all(tcp_stream& s) { return s.read_all(); }

const cancel_class_probes of_buffered_reads{
    {"buffered_reads::read_exactly", [] { return lossless_if(half_a_message<exactly>); }},
    {"buffered_reads::read_until", [] { return lossless_if(half_a_message<until_one>); }},
    {"buffered_reads::read_until#2", [] { return lossless_if(half_a_message<until_any>); }},
    {"buffered_reads::read_line", [] { return lossless_if(half_a_message<line>); }},
    {"buffered_reads::read_all", [] { return lossless_if(half_a_message<all>); }},
};

}  // namespace
