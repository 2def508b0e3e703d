// Counter-based random numbers: the same for any thread count, keyed by seed, purpose and index.
#pragma once
#include <cstdint>
#include <string_view>

namespace compress {

/// A stream of Philox 4x32-10 numbers. Streams of different (seed, purpose, index) are independent.
class Random {
 public:
  Random(uint64_t seed, std::string_view purpose, uint64_t index = 0);

  uint32_t bits();
  /// In [0, 1).
  double uniform();
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// In [0, bound), bound > 0.
  int64_t below(int64_t bound);
  /// Standard normal.
  double normal();

 private:
  uint32_t key_[2];
  uint32_t counter_[4];
  uint32_t block_[4];
  int used_ = 4;
};

}  // namespace compress
