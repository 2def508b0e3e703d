// A histogram that widens itself while data stream in: memory is constant, order does not matter, merging is exact.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace compress {

/// Counts of |bins| equal-width bins symmetric about 0. The bin width is a power of two and doubles when a larger magnitude arrives,
/// so two histograms of the same data in any order or split are equal.
class Histogram {
 public:
  static constexpr int kBins = 4096;  ///< over [-kBins/2, kBins/2) * width

  /// Finite values only are counted; others in nonFinite().
  void add(std::span<const float> values);
  void merge(const Histogram& other);

  float min() const { return min_; }
  float max() const { return max_; }
  uint64_t count() const { return count_; }
  uint64_t nonFinite() const { return nonFinite_; }
  double width() const;
  /// Count of bin i, which holds [(i - kBins/2) * width, (i + 1 - kBins/2) * width).
  uint64_t bin(int i) const { return bins_[static_cast<size_t>(i)]; }
  bool operator==(const Histogram&) const = default;

 private:
  void widen(int exponent);

  std::vector<uint64_t> bins_;
  int exponent_ = -149;  ///< width = 2^exponent
  float min_ = 0, max_ = 0;
  uint64_t count_ = 0, nonFinite_ = 0;
};

}  // namespace compress
