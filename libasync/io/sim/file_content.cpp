#include <libasync/io/sim/file_content.hpp>

#include <algorithm>
#include <cstring>

namespace async::inline v0::io::sim {

namespace {

// The part of a page that lies within [offset, offset + count).
struct part {
    std::uint64_t page;
    std::size_t begin;
    std::size_t size;
};

part first_part(std::uint64_t offset, std::size_t count) noexcept {
    const auto begin = static_cast<std::size_t>(offset % file_content::page_size);
    return {offset / file_content::page_size, begin,
            std::min(count, static_cast<std::size_t>(file_content::page_size) - begin)};
}

}  // namespace

std::size_t file_content::read(std::uint64_t offset, void* into, std::size_t count) const noexcept {
    if (offset >= size_) return 0;
    count = static_cast<std::size_t>(std::min<std::uint64_t>(count, size_ - offset));
    auto* to = static_cast<std::byte*>(into);
    for (std::size_t left = count; left != 0;) {
        const part p = first_part(offset, left);
        const auto found = pages_.find(p.page);
        if (found == pages_.end()) {
            std::memset(to, 0, p.size);
        } else {
            std::memcpy(to, found->second->data() + p.begin, p.size);
        }
        to += p.size;
        offset += p.size;
        left -= p.size;
    }
    return count;
}

std::uint64_t file_content::missing_pages(std::uint64_t offset, std::size_t count) const noexcept {
    std::uint64_t missing = 0;
    while (count != 0) {
        const part p = first_part(offset, count);
        if (pages_.count(p.page) == 0) ++missing;
        offset += p.size;
        count -= p.size;
    }
    return missing;
}

file_content::page& file_content::page_for_writing(std::uint64_t number) {
    std::shared_ptr<page>& p = pages_[number];
    if (!p) {
        p = std::make_shared<page>();
    } else if (p.use_count() > 1) {
        p = std::make_shared<page>(*p);
    }
    return *p;
}

void file_content::write(std::uint64_t offset, const void* from, std::size_t count) {
    const auto* bytes = static_cast<const std::byte*>(from);
    if (count != 0) size_ = std::max(size_, offset + count);
    while (count != 0) {
        const part p = first_part(offset, count);
        std::memcpy(page_for_writing(p.page).data() + p.begin, bytes, p.size);
        bytes += p.size;
        offset += p.size;
        count -= p.size;
    }
}

void file_content::clear() noexcept {
    size_ = 0;
    pages_.clear();
}

void file_content::take_some_of(const file_content& newer, random_stream& chance) {
    if (chance.chance(500'000)) size_ = newer.size_;
    for (const auto& [number, content] : newer.pages_) {
        if (chance.chance(500'000)) pages_[number] = content;
    }
    // What lies behind the end is no part of the file, should it grow again.
    std::erase_if(pages_, [&](const auto& entry) { return entry.first * page_size >= size_; });
}

}  // namespace async::inline v0::io::sim
