#include <libasync/io/look_up.hpp>

#include <algorithm>

namespace async::inline v0::io {

namespace {

// Only what is so, and stays so, is worth to be remembered.
bool is_lasting(const name_answer& answer) noexcept {
    return !answer.error || answer.error == resolve_errc::not_found || answer.error == resolve_errc::no_address;
}

bool is_fresh(const look_up& l, time_point now, std::chrono::nanoseconds most_age) noexcept {
    if (!is_lasting(l.answer)) return false;
    if (l.answer.error) most_age = std::min<std::chrono::nanoseconds>(most_age, name_book::most_age_of_failures);
    return now - l.told_at < most_age;
}

}  // namespace

name_book::~name_book() { end(); }

look_up_ptr name_book::find(const name_query& query, time_point now, std::chrono::nanoseconds most_age,
                            look_up::told_function told) {
    auto place = entries_.find(query);
    if (place != entries_.end()) {
        const look_up_ptr& known = place->second;
        if (!known->told || is_fresh(*known, now, most_age)) return known;
    }
    const look_up_ptr asked(new look_up(query, told));
    const bool is_new = place == entries_.end();
    if (is_new) {
        make_room();
        place = entries_.emplace(query, asked).first;
    }
    try {
        source_->start(*asked);
    } catch (...) {
        if (is_new) entries_.erase(place);
        throw;
    }
    place->second = asked;
    return asked;
}

// The oldest answer goes. Those under way are as many as the source allows.
void name_book::make_room() noexcept {
    if (entries_.size() < most_answers) return;
    auto oldest = entries_.end();
    for (auto i = entries_.begin(); i != entries_.end(); ++i) {
        if (!i->second->told) continue;
        if (oldest == entries_.end() || i->second->told_at < oldest->second->told_at) oldest = i;
    }
    if (oldest != entries_.end()) entries_.erase(oldest);
}

void name_book::answered(look_up& l, time_point now) noexcept {
    l.told = true;
    l.told_at = now;
    if (entries_.size() > most_answers) drop(l);
}

void name_book::nobody_waits(look_up& l) noexcept {
    if (l.told || source_ == nullptr || !source_->withdraw(l)) return;
    drop(l);
}

void name_book::drop(const look_up& l) noexcept {
    const auto place = entries_.find(l.query);
    if (place != entries_.end() && place->second.get() == &l) entries_.erase(place);
}

void name_book::forget_answers() noexcept {
    std::erase_if(entries_, [](const auto& entry) { return entry.second->told; });
}

void name_book::end() noexcept {
    if (source_ == nullptr) return;
    for (auto& [query, l] : entries_) {
        if (!l->told) source_->forget(*l);
    }
    source_.reset();
}

}  // namespace async::inline v0::io
