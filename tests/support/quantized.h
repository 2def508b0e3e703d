// For tests of quantized kernels: random tensors, and how far two byte tensors are apart.
#pragma once
#include <omp.h>

#include <cmath>
#include <cstdlib>
#include <functional>
#include <span>
#include <vector>

#include "lib/base/random.h"
#include "lib/runtime/cpu/int8/rounding.h"

namespace compress::test {

inline std::vector<uint8_t> randomBytes(Random& random, int64_t count) {
  std::vector<uint8_t> bytes(static_cast<size_t>(count));
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.bits());
  return bytes;
}

inline double dequantized(uint8_t byte, const int8::Quantization& q) {
  return double{q.scale} * (int8::integerOf(byte, q.dtype) - q.zero);
}

/// QuantizeLinear in double: to nearest, ties to even, saturating.
inline uint8_t quantized(double real, const int8::Quantization& q) {
  const double step = std::nearbyint(real / q.scale) + q.zero;
  return static_cast<uint8_t>(static_cast<int32_t>(std::min(std::max(step, double(q.lowest())), double(q.highest()))));
}

struct Difference {
  int64_t largest = 0;  ///< in steps
  double share = 0;     ///< of elements that differ
};
inline Difference differenceOf(std::span<const uint8_t> a, std::span<const uint8_t> b, DType dtype) {
  Difference difference;
  int64_t differing = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const int64_t steps = std::abs(int8::integerOf(a[i], dtype) - int8::integerOf(b[i], dtype));
    difference.largest = std::max(difference.largest, steps);
    differing += steps != 0;
  }
  difference.share = a.empty() ? 0 : static_cast<double>(differing) / static_cast<double>(a.size());
  return difference;
}

/// Runs `body(threads)` under 1, 2 and 4 threads; true when all results are the same bytes.
template <typename Result>
bool sameForAnyThreadCount(const std::function<Result(int)>& body) {
  const int before = omp_get_max_threads();
  bool same = true;
  std::vector<Result> results;
  for (const int threads : {1, 2, 4}) {
    omp_set_num_threads(threads);
    results.push_back(body(threads));
    same = same && results.back() == results.front();
  }
  omp_set_num_threads(before);
  return same;
}

}  // namespace compress::test
