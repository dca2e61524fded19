// Where the library was built without OpenSSL, what TLS gives to await is not there.
#include <tests/support/cancel_class_probes.hpp>

using namespace async_tests;

namespace {

std::string not_there() { return "never waits"; }

const cancel_class_probes without_tls{
    {"tls_stream::upgrade", not_there},        {"tls_stream::accept", not_there}, {"tls_stream::read", not_there},
    {"tls_stream::read_some", not_there},      {"tls_stream::write", not_there},  {"tls_connect", not_there},
    {"tls_stream::shutdown_write", not_there}, {"tls_stream::close", not_there},  {"tls_connect#2", not_there},
    {"tls_connect#3", not_there},              {"tls_connect#4", not_there},
};

}  // namespace
