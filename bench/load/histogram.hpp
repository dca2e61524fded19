// Counts of durations in buckets whose width grows with the value: at most 1.6 % wide, from 1 ns to hours.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace load {

class histogram {
public:
    void add(std::uint64_t value) {
        ++counts_[index_of(value)];
        ++total_;
        largest_ = std::max(largest_, value);
    }

    void reset() { *this = histogram(); }
    std::uint64_t total() const { return total_; }
    std::uint64_t largest() const { return largest_; }

    // The middle of the bucket that holds this share (0 to 1) of all values.
    double quantile(double share) const {
        const auto rank = static_cast<std::uint64_t>(share * static_cast<double>(total_));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            seen += counts_[i];
            if (seen > rank) return middle_of(i);
        }
        return static_cast<double>(largest_);
    }

private:
    static constexpr unsigned bits = 6;  // of a value below its highest one
    static constexpr std::uint64_t parts = 1u << bits;

    static std::size_t index_of(std::uint64_t value) {
        if (value < parts) return value;
        const auto shift = static_cast<unsigned>(std::bit_width(value)) - bits - 1;
        return (shift + 1) * parts + ((value >> shift) - parts);
    }

    static double middle_of(std::size_t index) {
        if (index < parts) return static_cast<double>(index);
        const auto shift = index / parts - 1;
        const auto low = static_cast<double>((parts + index % parts) << shift);
        return low + static_cast<double>(std::uint64_t{1} << shift) / 2;
    }

    std::array<std::uint64_t, 42 * parts> counts_{};
    std::uint64_t total_ = 0;
    std::uint64_t largest_ = 0;
};

}  // namespace load
