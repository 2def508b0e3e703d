// Quantization whose parameters are known at run time: ranges of floats, and sums of integers to what they stand for.
#pragma once
#include "lib/runtime/cpu/int8/quantize.h"

namespace compress::int8 {

/// DynamicQuantizeLinear's scale and zero point: u8 over the range of x widened to hold 0.
Quantization rangeQuantization(const float* x, int64_t count);

/// Turns s32 sums into results in place: rows of as many channels as `weightSums` has.
struct SumScaling {
  std::vector<int32_t> weightSums;  ///< per channel
  int64_t scaleCount = 0;           ///< 0: the result is s32; 1, or one per channel: f32
  std::vector<float> bias;          ///< per channel; 0 where there is none

  /// sum - zero * weightSum, times the scale, plus the bias.
  void run(std::byte* sums, int64_t rows, int32_t zero, const float* scales) const;
};

}  // namespace compress::int8
