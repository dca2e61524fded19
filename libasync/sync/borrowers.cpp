#include <libasync/sync/borrowers.hpp>

#include <bit>

namespace async::inline v0::detail {

borrower_set::entry* borrower_set::find(const borrower& who) noexcept {
    if (size_ == 0) return nullptr;
    entry& e = place_of(who);
    return e.used ? &e : nullptr;
}

borrower_set::entry& borrower_set::add(const borrower& who) {
    if (2 * (size_ + 1) > places_.size()) grow();
    ++size_;
    return place_of(who) = {who, 0, true};
}

void borrower_set::remove(const borrower& who) noexcept {
    std::size_t gap = index_of(who);
    places_[gap].used = false;
    --size_;
    for (std::size_t i = after(gap); places_[i].used; i = after(i)) {
        const std::size_t home = home_of(places_[i].who);
        if (distance(home, i) < distance(gap, i)) continue;
        places_[gap] = places_[i];
        places_[i].used = false;
        gap = i;
    }
}

// Multiplied by the golden ratio, the high bits depend on all.
std::size_t borrower_set::home_of(const borrower& who) const noexcept {
    const std::uint64_t mixed = (who.number ^ std::rotl(who.loop, 32)) * 0x9E3779B97F4A7C15u;
    return static_cast<std::size_t>(mixed >> 32) & (places_.size() - 1);
}

// Where it stands, or may be put.
std::size_t borrower_set::index_of(const borrower& who) const noexcept {
    std::size_t i = home_of(who);
    while (places_[i].used && places_[i].who != who) i = after(i);
    return i;
}

void borrower_set::grow() {
    std::vector<entry> before(places_.empty() ? 8 : 2 * places_.size());
    before.swap(places_);
    for (const entry& e : before) {
        if (e.used) place_of(e.who) = e;
    }
}

}  // namespace async::inline v0::detail
