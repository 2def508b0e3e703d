// A histogram that widens itself while data stream in: memory is constant, order does not matter, merging is exact.
#pragma once
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace compress {

/// Counts of |bins| equal-width bins symmetric about 0. The bin width is a power of two and doubles when a larger
/// magnitude arrives, so two histograms of the same data in any order or split are equal.
class Histogram {
 public:
  static constexpr int kBins = 4096;         ///< over [-kBins/2, kBins/2) * width
  static constexpr int kMinExponent = -120;  ///< narrowest width: 2^-120

  /// All that a histogram holds, for calibration tables.
  struct State {
    int exponent = kMinExponent;
    float min = 0, max = 0;
    uint64_t nonFinite = 0;
    std::vector<std::pair<int, uint64_t>> counts;  ///< bins that are not empty
  };
  static Histogram restore(const State& state);
  State state() const;

  /// Finite values only are counted; others in nonFinite().
  void add(std::span<const float> values);
  void merge(const Histogram& other);

  float min() const { return min_; }
  float max() const { return max_; }
  uint64_t count() const { return count_; }
  uint64_t nonFinite() const { return nonFinite_; }
  double width() const;
  /// Count of bin i, which holds [(i - kBins/2) * width, (i + 1 - kBins/2) * width).
  uint64_t bin(int i) const { return bins_.empty() ? 0 : bins_[static_cast<size_t>(i)]; }
  bool operator==(const Histogram&) const = default;

 private:
  void widen(int exponent);

  std::vector<uint64_t> bins_;   ///< empty until the first value
  int exponent_ = kMinExponent;  ///< width = 2^exponent
  float min_ = 0, max_ = 0;
  uint64_t count_ = 0, nonFinite_ = 0;
};

}  // namespace compress
