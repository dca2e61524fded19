#include <libasync/net/tls/session_cache.hpp>

#include <openssl/ssl.h>

namespace async::inline v0::detail {

void tls_session_cache::put(const std::string& name, ssl_session_ptr session) {
    std::list<ssl_session_ptr> one;
    one.push_front(std::move(session));
    const std::lock_guard guard(mutex_);
    const auto found = by_name_.find(name);
    if (found != by_name_.end()) {
        by_age_.splice(by_age_.begin(), by_age_, found->second);
        auto& sessions = found->second->sessions;
        sessions.splice(sessions.begin(), one);
        if (sessions.size() > most_of_a_name) sessions.pop_back();
        return;
    }
    entries fresh;
    fresh.push_back({name, std::move(one)});
    by_name_.emplace(name, fresh.begin());
    by_age_.splice(by_age_.begin(), fresh);
    if (by_age_.size() > most_names) {
        by_name_.erase(by_age_.back().name);
        by_age_.pop_back();
    }
}

ssl_session_ptr tls_session_cache::take(const std::string& name) {
    const std::lock_guard guard(mutex_);
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) return {};
    auto& sessions = found->second->sessions;
    while (!sessions.empty()) {
        ssl_session_ptr& newest = sessions.front();
        const bool usable = SSL_SESSION_is_resumable(newest.get());
        if (usable && SSL_SESSION_get_protocol_version(newest.get()) < TLS1_3_VERSION) {
            SSL_SESSION_up_ref(newest.get());
            return ssl_session_ptr(newest.get());
        }
        ssl_session_ptr taken = std::move(newest);
        sessions.pop_front();
        if (usable) return taken;
    }
    return {};
}

}  // namespace async::inline v0::detail
