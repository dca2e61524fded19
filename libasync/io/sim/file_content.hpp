// The bytes of a simulated file: pages, of which those that were never written take no memory. Copies share pages.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include <libasync/io/sim/random.hpp>

namespace async::inline v0::io::sim {

class file_content {
public:
    static constexpr std::uint64_t page_size = 4096;

    std::uint64_t size() const noexcept { return size_; }
    std::uint64_t pages() const noexcept { return pages_.size(); }

    // Up to the end.
    std::size_t read(std::uint64_t offset, void* into, std::size_t count) const noexcept;
    // How many pages more writing there would take.
    std::uint64_t missing_pages(std::uint64_t offset, std::size_t count) const noexcept;
    void write(std::uint64_t offset, const void* from, std::size_t count);
    void clear() noexcept;

    // Page by page and by chance the content of `newer`, as a disk has it when power fails while it writes.
    void take_some_of(const file_content& newer, random_stream& chance);

private:
    using page = std::array<std::byte, page_size>;

    page& page_for_writing(std::uint64_t number);

    std::uint64_t size_ = 0;
    std::map<std::uint64_t, std::shared_ptr<page>> pages_;
};

}  // namespace async::inline v0::io::sim
