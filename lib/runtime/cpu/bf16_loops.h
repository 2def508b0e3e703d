// Vector loops between bf16 and f32.
#pragma once
#include <cstddef>

#include "lib/runtime/cpu/elementwise_loops.h"

namespace compress {

void widenBf16(const uint16_t* from, float* to, int64_t count);
/// Nearest, ties to even; NaN stays NaN.
void narrowToBf16(const float* from, uint16_t* to, int64_t count);

/// `count` elements of f32 or bf16.
struct MixedRow {
  const std::byte* source;
  int64_t sourceStep;  ///< 1, or 0: one element for the whole row
  bool isFromBf16;
  std::byte* target;
  bool isToBf16;
  int64_t count;
};
/// As runElementwise(), in f32, with source, operands and target stored as either. Without operations: a conversion.
void runMixedElementwise(const MixedRow& row, std::span<const LoopOp> ops);

}  // namespace compress
