#include <libasync/net/tls_context.hpp>
#include <libasync/net/tls_error.hpp>

#include <doctest/doctest.h>

#include <fstream>
#include <vector>

#include <tests/support/files.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/tls.hpp>

using namespace async_tests;

namespace {

tls_context server_of(const identity& i, tls_context_options options = {}) {
    options.certificate_pem = i.certificate;
    options.key_pem = i.key;
    return tls_context::server(options);
}

tls_context trusting(const authority& a, tls_context_options options = {}) {
    const std::string pem = a.certificate();
    options.ca_pem = pem;
    return tls_context::client(options);
}

tls_outcome outcome_of(const tls_context& client, const tls_context& server, tls_options options = quick_options) {
    return async::run(try_tls(client, server, options));
}

void check_greeted(const tls_outcome& outcome) {
    CHECK(outcome.client == "hello from server");
    CHECK(outcome.server == "hello from client");
}

// The client refuses, for this reason, and the server is told.
void check_refused(const identity& server, const std::string& reason, tls_options options = quick_options) {
    const tls_outcome outcome = outcome_of(the_tls_world().client_context, server_of(server), options);
    CHECK(outcome.client == "TLS with " + std::string(options.server_name) + ": certificate verify failed: " + reason);
    CHECK(outcome.client_code == tls_errc::certificate);
    CHECK(outcome.server_code == tls_errc::protocol);
    CHECK_MESSAGE(outcome.server.find("alert") != std::string::npos, outcome.server);
}

template <class Make>
std::string refusal_of(Make make) {
    try {
        make();
    } catch (const std::exception& e) {
        return e.what();
    }
    return {};
}

void put(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

}  // namespace

TEST_CASE("a certificate for another name is refused, and the message names what was asked for") {
    const identity other = the_tls_world().root.issue({.alternative_names = "DNS:example.org"});
    check_refused(other, "hostname mismatch for localhost");
}

TEST_CASE("a certificate without the numeric address that was asked for is refused") {
    const identity other = the_tls_world().root.issue({.alternative_names = "DNS:localhost,IP:127.0.0.2"});
    check_refused(other, "IP address mismatch for 127.0.0.1",
                  {.server_name = "127.0.0.1", .shutdown_timeout = 50ms});
}

TEST_CASE("the common name does not count where there are alternative names") {
    const identity other = the_tls_world().root.issue({.common_name = "localhost", .alternative_names = "DNS:a.b"});
    check_refused(other, "hostname mismatch for localhost");
}

TEST_CASE("an expired certificate is refused, and one that is not valid yet") {
    const authority& root = the_tls_world().root;
    check_refused(root.issue({.days_from = -3, .days_to = -1}), "certificate has expired");
    check_refused(root.issue({.days_from = 1, .days_to = 2}), "certificate is not yet valid");
}

TEST_CASE("a self-signed certificate is refused, and one of an issuer that nobody knows") {
    check_refused(self_signed(), "self-signed certificate");
    const authority stranger("Stranger");
    check_refused(stranger.issue(), "unable to get local issuer certificate");
}

TEST_CASE("a chain is followed to its root, and refused with a link missing") {
    const authority& root = the_tls_world().root;
    const authority middle("Middle", root);
    const authority lower("Lower", middle);
    identity server = lower.issue();
    check_greeted(outcome_of(the_tls_world().client_context, server_of(server)));
    server.certificate.resize(server.certificate.find("-----BEGIN", 10));
    check_refused(server, "unable to get local issuer certificate");
}

TEST_CASE("a key that does not belong to the certificate is refused") {
    const authority& root = the_tls_world().root;
    const identity server = root.issue();
    const identity other = root.issue();
    const std::string message = refusal_of([&] { server_of({server.certificate, other.key}); });
    CHECK_MESSAGE(message.find("key values mismatch") != std::string::npos, message);
}

TEST_CASE("wildcards count for one label") {
    const identity server = the_tls_world().root.issue({.alternative_names = "DNS:*.example.org"});
    const auto with = [&](std::string_view name) {
        return outcome_of(the_tls_world().client_context, server_of(server),
                          {.server_name = name, .shutdown_timeout = 50ms});
    };
    check_greeted(with("www.example.org"));
    CHECK(with("example.org").client_code == tls_errc::certificate);
    CHECK(with("a.b.example.org").client_code == tls_errc::certificate);
}

TEST_CASE("numeric addresses are looked up in the certificate, IPv4 and IPv6") {
    const identity server = the_tls_world().root.issue({.alternative_names = "IP:127.0.0.1,IP:::1"});
    for (const std::string_view name : {"127.0.0.1", "::1"}) {
        check_greeted(outcome_of(the_tls_world().client_context, server_of(server),
                                 {.server_name = name, .shutdown_timeout = 50ms}));
    }
}

TEST_CASE("verification is off only for whoever writes that it is dangerous") {
    const tls_context careless = tls_context::client({.verification = tls_verification::dangerously_disabled});
    check_greeted(outcome_of(careless, server_of(self_signed())));
    check_greeted(outcome_of(careless, server_of(self_signed()), {.shutdown_timeout = 50ms}));
}

TEST_CASE("without a name to verify a client does not begin") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        std::string message;
        try {
            tls_stream s = co_await tls_stream::upgrade(std::move(pair.client), the_tls_world().client_context);
        } catch (const std::invalid_argument& e) {
            message = e.what();
        }
        CHECK(message == "tls_stream::upgrade: without server_name the certificate cannot be verified");
        const std::string rest = co_await read_all(pair.server);
        CHECK(rest.empty());
    }());
}

TEST_CASE("a client trusts no server by the system's issuers that it does not know") {
    const tls_outcome outcome = outcome_of(tls_context::client(), the_tls_world().server_context);
    CHECK(outcome.client_code == tls_errc::certificate);
}

TEST_CASE("issuers and certificates are read from files, in PEM, and from directories") {
    const temporary_directory directory(engine_kind::asio);  // OpenSSL knows the real disk only
    const std::string ca = directory / "ca.pem";
    const std::string chain = directory / "chain.pem";
    const std::string key = directory / "key.pem";
    put(ca, the_tls_world().root.certificate());
    put(chain, the_tls_world().server.certificate);
    put(key, the_tls_world().server.key);
    check_greeted(outcome_of(tls_context::client({.ca_file = ca}), tls_context::server(chain, key)));
    const tls_context of_directory = tls_context::client({.ca_directory = directory.string()});
    CHECK(outcome_of(of_directory, tls_context::server(chain, key)).client_code == tls_errc::certificate);
    put(directory / the_tls_world().root.name_in_directory(), the_tls_world().root.certificate());
    check_greeted(outcome_of(of_directory, tls_context::server(chain, key)));
}

TEST_CASE("what is unusable is told with its name and a reason") {
    const identity& i = the_tls_world().server;
    CHECK(refusal_of([] { tls_context::server("/none/chain.pem", "/none/key.pem"); }) ==
          "tls_context: certificate_file /none/chain.pem: No such file or directory");
    CHECK(refusal_of([] { tls_context::client({.ca_file = "/none/ca.pem"}); }) ==
          "tls_context: ca_file /none/ca.pem: No such file or directory");
    CHECK(refusal_of([] { tls_context::client({.ca_pem = "nonsense"}); }).starts_with("tls_context: ca_pem: "));
    CHECK(refusal_of([&] { server_of({"nonsense", i.key}); }).starts_with("tls_context: certificate_pem: "));
    CHECK(refusal_of([&] { server_of({i.certificate, "nonsense"}); }).starts_with("tls_context: key_pem: "));
    CHECK(refusal_of([&] { server_of(i, {.ciphers = "nonsense"}); }).starts_with("tls_context: ciphers nonsense: "));
    CHECK_THROWS_AS(tls_context::server(tls_context_options{}), std::invalid_argument);
    CHECK_THROWS_AS(tls_context::server({.certificate_pem = i.certificate}), std::invalid_argument);
    CHECK_THROWS_AS(tls_context::client({.alpn = "h2,,x"}), std::invalid_argument);
    CHECK_THROWS_AS(server_of(i, {.client_certificates = tls_client_certificates::required}), std::invalid_argument);
}

TEST_CASE("an encrypted key is opened by its password, and nobody is asked for one") {
    const identity& i = the_tls_world().server;
    const std::string key = encrypted_key(i.key, "secret");
    const tls_context server = server_of({i.certificate, key}, {.key_password = "secret"});
    check_greeted(outcome_of(the_tls_world().client_context, server));
    CHECK_THROWS_AS(server_of({i.certificate, key}, {.key_password = "wrong"}), tls_error);
    CHECK_THROWS_AS(server_of({i.certificate, key}), tls_error);
}

TEST_CASE("client certificates are required, optional or ignored, and verified when they are asked for") {
    const authority& root = the_tls_world().root;
    const std::string ca = root.certificate();
    const identity mine = root.issue({.common_name = "me", .alternative_names = {}});
    const authority stranger("Stranger");
    const identity other = stranger.issue({.common_name = "other", .alternative_names = {}});
    const auto server_with = [&](tls_client_certificates c, tls_version v) {
        return server_of(the_tls_world().server, {.ca_pem = ca, .max_version = v, .client_certificates = c});
    };
    const auto client_with = [&](const identity& i) {
        return trusting(root, {.certificate_pem = i.certificate, .key_pem = i.key});
    };
    for (const tls_version version : {tls_version::tls_1_2, tls_version::tls_1_3}) {
        const tls_context required = server_with(tls_client_certificates::required, version);
        const tls_context optional = server_with(tls_client_certificates::optional, version);
        check_greeted(outcome_of(client_with(mine), required));
        check_greeted(outcome_of(client_with(mine), optional));
        check_greeted(outcome_of(trusting(root), optional));
        check_greeted(outcome_of(client_with(other), server_with(tls_client_certificates::ignored, version)));

        tls_outcome outcome = outcome_of(trusting(root), required);
        CHECK(outcome.server == "TLS with localhost: peer did not return a certificate");
        CHECK(outcome.client_code == tls_errc::protocol);
        CHECK_MESSAGE(outcome.client.find("alert") != std::string::npos, outcome.client);
        for (const tls_context& server : {required, optional}) {
            outcome = outcome_of(client_with(other), server);
            CHECK(outcome.server_code == tls_errc::certificate);
            CHECK(outcome.client_code == tls_errc::protocol);
            CHECK_MESSAGE(outcome.client.find("alert") != std::string::npos, outcome.client);
        }
    }
}

TEST_CASE("a server knows its client by the certificate") {
    async::run([]() -> task<void> {
        const authority& root = the_tls_world().root;
        const identity mine = root.issue({.common_name = "me", .alternative_names = {}});
        const std::string ca = root.certificate();
        const tls_context client = trusting(root, {.certificate_pem = mine.certificate, .key_pem = mine.key});
        const tls_context server = server_of(the_tls_world().server,
                                             {.ca_pem = ca, .client_certificates = tls_client_certificates::required});
        stream_pair tcp = co_await connected_pair();
        tls_pair pair = co_await tls_between(std::move(tcp), client, server);
        CHECK(pair.server.peer_subject() == "CN=me");
        CHECK(pair.server.peer_certificate() == mine.certificate);
    }());
}

TEST_CASE("the highest common version is spoken, and without one nobody is let in") {
    const auto client_with = [](tls_version from, tls_version to) {
        return trusting(the_tls_world().root, {.min_version = from, .max_version = to});
    };
    const auto server_with = [](tls_version from, tls_version to) {
        return server_of(the_tls_world().server, {.min_version = from, .max_version = to});
    };
    constexpr auto v2 = tls_version::tls_1_2;
    constexpr auto v3 = tls_version::tls_1_3;
    const auto spoken = [](tls_context client, tls_context server) -> task<std::string> {
        stream_pair tcp = co_await connected_pair();
        tls_pair pair = co_await tls_between(std::move(tcp), client, server);
        CHECK(pair.client.version() == pair.server.version());
        co_return pair.client.version();
    };
    CHECK(async::run(spoken(client_with(v2, v3), server_with(v2, v3))) == "TLSv1.3");
    CHECK(async::run(spoken(client_with(v2, v2), server_with(v2, v3))) == "TLSv1.2");
    CHECK(async::run(spoken(client_with(v2, v3), server_with(v2, v2))) == "TLSv1.2");
    const tls_outcome outcome = outcome_of(client_with(v2, v2), server_with(v3, v3));
    CHECK(outcome.client_code == tls_errc::protocol);
    CHECK(outcome.server_code == tls_errc::protocol);
    CHECK(outcome.server == "TLS with localhost: unsupported protocol");
}

TEST_CASE("the server's first protocol that the client offers is spoken; if there is none, nobody is let in") {
    const auto spoken = [](tls_context client, tls_context server, tls_options options) -> task<std::string> {
        stream_pair tcp = co_await connected_pair();
        tls_pair pair = co_await tls_between(std::move(tcp), client, server, options);
        CHECK(pair.client.alpn() == pair.server.alpn());
        co_return pair.client.alpn();
    };
    const tls_context server = server_of(the_tls_world().server, {.alpn = "h2,http/1.1"});
    const authority& root = the_tls_world().root;
    CHECK(async::run(spoken(trusting(root, {.alpn = "http/1.1,h2"}), server, quick_options)) == "h2");
    CHECK(async::run(spoken(trusting(root, {.alpn = "x,http/1.1"}), server, quick_options)) == "http/1.1");
    CHECK(async::run(spoken(trusting(root), server, quick_options)).empty());
    tls_options own = quick_options;
    own.alpn = "http/1.1";
    CHECK(async::run(spoken(trusting(root, {.alpn = "h2"}), server, own)) == "http/1.1");
    const tls_outcome outcome = outcome_of(trusting(root, {.alpn = "gopher"}), server);
    CHECK(outcome.client_code == tls_errc::protocol);
    CHECK_MESSAGE(outcome.client.find("no application protocol") != std::string::npos, outcome.client);
}

namespace {

// Connects again and again; tells which connections have resumed a session.
task<std::string> resumptions(tls_context client, tls_context server, int count, std::string_view name = "localhost") {
    std::string resumed;
    for (int i = 0; i < count; ++i) {
        stream_pair tcp = co_await connected_pair();
        tls_pair pair = co_await tls_between(std::move(tcp), client, server,
                                             {.server_name = name, .shutdown_timeout = 50ms});
        CHECK(pair.client.session_reused() == pair.server.session_reused());
        resumed += pair.client.session_reused() ? 'r' : 'f';
        co_await pair.server.write("x");  // behind the tickets
        const chunk data = co_await pair.client.read();
        CHECK(data.text() == "x");
        co_await gather(pair.client.close(), pair.server.close());
    }
    co_return resumed;
}

}  // namespace

TEST_CASE("a client resumes its sessions, by the name of the server") {
    const identity server = the_tls_world().root.issue({.alternative_names = "DNS:localhost,DNS:other"});
    for (const tls_version version : {tls_version::tls_1_2, tls_version::tls_1_3}) {
        const tls_context serves = server_of(server, {.max_version = version});
        const tls_context client = trusting(the_tls_world().root);
        CHECK(async::run(resumptions(client, serves, 4)) == "frrr");
        CHECK(async::run(resumptions(client, serves, 2, "other")) == "fr");
        CHECK(async::run(resumptions(client, serves, 1)) == "r");
        CHECK(async::run(resumptions(trusting(the_tls_world().root), serves, 1)) == "f");
        CHECK(async::run(resumptions(client, server_of(server, {.max_version = version}), 2)) == "fr");
    }
}

TEST_CASE("many names crowd out the oldest sessions") {
    const identity server = the_tls_world().root.issue({.alternative_names = "DNS:*.example.org"});
    const tls_context serves = server_of(server);
    const tls_context client = trusting(the_tls_world().root);
    for (int i = 0; i < 257; ++i) {
        const std::string name = "n" + std::to_string(i) + ".example.org";
        CHECK(async::run(resumptions(client, serves, 1, name)) == "f");
    }
    CHECK(async::run(resumptions(client, serves, 1, "n256.example.org")) == "r");
    CHECK(async::run(resumptions(client, serves, 1, "n0.example.org")) == "f");
}

TEST_CASE("after a reload new handshakes use the new certificate, and live connections go on") {
    async::run([]() -> task<void> {
        const authority& root = the_tls_world().root;
        const identity first = root.issue({.common_name = "first"});
        const identity second = root.issue({.common_name = "second"});
        tls_context server = server_of(first);
        const tls_context client = trusting(root);
        stream_pair tcp = co_await connected_pair();
        tls_pair before = co_await tls_between(std::move(tcp), client, server);
        CHECK(before.client.peer_subject() == "CN=first");

        CHECK_THROWS_AS(server.reload_pem(second.certificate, first.key), tls_error);
        CHECK_THROWS_AS(server.reload("/none", "/none"), tls_error);
        const temporary_directory directory(engine_kind::asio);  // OpenSSL knows the real disk only
        put(directory / "chain.pem", second.certificate);
        put(directory / "key.pem", second.key);
        server.reload(directory / "chain.pem", directory / "key.pem");

        tcp = co_await connected_pair();
        tls_pair after = co_await tls_between(std::move(tcp), trusting(root), server);
        CHECK(after.client.peer_subject() == "CN=second");
        co_await before.client.write("still here");
        const chunk data = co_await before.server.read();
        CHECK(data.text() == "still here");
    }());
}

TEST_CASE("tickets from before a reload are taken") {
    const tls_context client = trusting(the_tls_world().root);
    tls_context server = server_of(the_tls_world().server);
    CHECK(async::run(resumptions(client, server, 2)) == "fr");
    server.reload_pem(the_tls_world().server.certificate, the_tls_world().server.key);
    CHECK(async::run(resumptions(client, server, 1)) == "r");
}

TEST_CASE("a context of a client serves nobody, and the other way round") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        CHECK_THROWS_AS(static_cast<void>(tls_stream::upgrade(std::move(pair.client), the_tls_world().server_context,
                                                              quick_options)),
                        std::invalid_argument);
        CHECK_THROWS_AS(
            static_cast<void>(tls_stream::accept(std::move(pair.server), the_tls_world().client_context)),
            std::invalid_argument);
    }());
}
