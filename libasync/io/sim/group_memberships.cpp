#include <libasync/io/sim/group_memberships.hpp>

#include <algorithm>
#include <cerrno>

namespace async::inline v0::io::sim {

namespace {

template <class Sources>
auto find_source(Sources& sources, const endpoint& source) noexcept {
    return std::find_if(sources.begin(), sources.end(), [&](const endpoint& s) { return same_address(s, source); });
}

}  // namespace

bool same_address(const endpoint& a, const endpoint& b) noexcept {
    return a.family() == b.family() && a.bytes() == b.bytes();
}

bool is_group(const endpoint& address) noexcept {
    const std::uint8_t first = address.bytes()[0];
    return address.family() == address_family::ipv4 ? (first & 0xf0) == 0xe0 : first == 0xff;
}

std::vector<group_memberships::one_group>::iterator group_memberships::find(const endpoint& group,
                                                                            net_interface where) noexcept {
    return std::find_if(joined_.begin(), joined_.end(),
                        [&](const one_group& g) { return g.where == where && same_address(g.group, group); });
}

int group_memberships::join(const endpoint& group, net_interface where) noexcept {
    if (!is_group(group)) return EINVAL;
    if (find(group, where) != joined_.end()) return EADDRINUSE;
    if (joined_.size() >= most_groups) return ENOBUFS;
    joined_.push_back({group, where, {}});
    return 0;
}

int group_memberships::leave(const endpoint& group, net_interface where) noexcept {
    const auto found = find(group, where);
    if (found == joined_.end()) return EADDRNOTAVAIL;
    joined_.erase(found);
    return 0;
}

int group_memberships::join_source(const endpoint& group, net_interface where, const endpoint& source) noexcept {
    if (const int error = join(group, where); error != 0 && error != EADDRINUSE) return error;
    std::vector<endpoint>& sources = find(group, where)->sources;
    if (sources.size() >= most_sources) return ENOBUFS;
    if (find_source(sources, source) != sources.end()) return EADDRNOTAVAIL;
    sources.push_back(source);
    return 0;
}

int group_memberships::leave_source(const endpoint& group, net_interface where, const endpoint& source) noexcept {
    const auto found = find(group, where);
    if (found == joined_.end()) return EINVAL;
    std::vector<endpoint>& sources = found->sources;
    const auto gone = find_source(sources, source);
    if (gone == sources.end()) return EADDRNOTAVAIL;
    sources.erase(gone);
    if (sources.empty()) joined_.erase(found);
    return 0;
}

group_memberships::answer group_memberships::wants(const endpoint& group, net_interface where,
                                                   const endpoint& source) const noexcept {
    const auto found = std::find_if(joined_.begin(), joined_.end(), [&](const one_group& g) {
        return g.where == where && same_address(g.group, group);
    });
    if (found == joined_.end()) return answer::not_a_member;
    const bool wanted = found->sources.empty() || find_source(found->sources, source) != found->sources.end();
    return wanted ? answer::wanted : answer::unwanted;
}

}  // namespace async::inline v0::io::sim
