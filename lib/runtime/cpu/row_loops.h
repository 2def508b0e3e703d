// Vector loops over rows: reductions and normalisation.
#pragma once
#include <cstdint>

namespace compress {

enum class Reduction { sum, sumSquares, sumMagnitudes, max, min };

/// All of `count` contiguous elements into one.
float reduceRow(Reduction reduction, const float* from, int64_t count);
/// target[c] = all of from[r * columns + c] for r in [0, rows).
void reduceColumns(Reduction reduction, const float* from, int64_t rows, int64_t columns, float* target);

struct Normalization {
  const float* scale;  ///< or null
  const float* bias;   ///< or null
  float epsilon;
  bool isCentered;  ///< false: only divided by the root of the mean square (RMSNorm)
};
/// target = (from - mean) / sqrt(variance + epsilon) * scale + bias over `count` contiguous elements; may be in place.
void normalizeRow(const Normalization& how, const float* from, float* target, int64_t count);

}  // namespace compress
