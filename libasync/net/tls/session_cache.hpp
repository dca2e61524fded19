// Sessions that a client may resume, by the name of their server. Used from several threads.
#pragma once

#include <array>
#include <cstddef>
#include <list>
#include <map>
#include <mutex>
#include <string>

#include <libasync/net/tls/openssl_pointers.hpp>

namespace async::inline v0::detail {

class tls_session_cache {
public:
    static constexpr std::size_t most_names = 256;
    static constexpr std::size_t most_of_a_name = 4;

    // The oldest gives way. Throws std::bad_alloc.
    void put(const std::string& name, ssl_session_ptr session);

    // The newest, or null. One of TLS 1.3 is used once (RFC 8446, appendix C.4), others may be again.
    ssl_session_ptr take(const std::string& name);

private:
    struct entry {
        std::string name;
        std::list<ssl_session_ptr> sessions;  // newest first
    };
    using entries = std::list<entry>;

    std::mutex mutex_;
    entries by_age_;  // newest first
    std::map<std::string, entries::iterator, std::less<>> by_name_;
};

}  // namespace async::inline v0::detail
