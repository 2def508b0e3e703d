// From the integer sums of a quantized Conv to its result: bias and factor per output channel.
#pragma once
#include <cmath>

#include "lib/runtime/cpu/int8/conv.h"

namespace compress::int8 {

/// result = (sum + bias) * factor, before rounding and the zero point.
struct ChannelScaling {
  float factor = 1, bias = 0;
};

/// A real bias in units of the sum. Files store it as s32 whose scale is the product of two others, rounded to f32:
/// what is an integer but for that rounding is taken for one, so that the sum stays exact.
inline double biasSteps(double bias, double unit) {
  constexpr double kScaleRounding = 0x1p-22;
  const double steps = bias / unit, nearest = std::nearbyint(steps);
  return std::abs(steps - nearest) <= kScaleRounding * std::abs(steps) ? nearest : steps;
}

/// Of output channel `m`, whose weights sum up to `weightSum`. Factors are rounded to f32 after each operation, as
/// other runtimes do: results near ties then agree with theirs.
inline ChannelScaling scalingOf(const ConvParameters& p, size_t m, int64_t weightSum) {
  const float scale = p.weightScales[p.weightScales.size() == 1 ? 0 : m], unit = p.x.scale * scale;
  double bias = -static_cast<double>(weightSum * p.x.zero);
  if (!p.bias.empty()) bias += biasSteps(p.bias[m], double{p.x.scale} * scale);
  return {p.result == ConvResult::reals ? unit : unit / p.y.scale, static_cast<float>(bias)};
}

}  // namespace compress::int8
