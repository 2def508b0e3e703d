// Weights as int8: symmetric, zero point 0, codes in [-127, 127], one scale per output channel or one for all.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "lib/eval/encoding.h"
#include "lib/ir/tensor.h"

namespace compress {

/// A weight and the bias that goes with it, ready to be written.
struct QuantizedWeight {
  Encoding encoding;
  Tensor codes;             ///< int8, the weight's shape
  std::vector<float> bias;  ///< one per output channel; empty: none
};

/// How elements lie with respect to channels: element i of channel c is at offset(c) + step over `inner`.
struct ChannelView {
  int64_t channels, outer, inner;  ///< index = (o * channels + c) * inner + i
  ChannelView(const Shape& shape, int64_t axis);
  int64_t perChannel() const { return outer * inner; }
  template <typename Visit>
  void each(int64_t channel, const Visit& visit) const {
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < inner; ++i) visit((o * channels + channel) * inner + i);
  }
};

/// Largest magnitude per channel over 127; a channel of zeros gets the scale 1. `perChannel` false: one scale of all.
std::vector<float> minmaxScales(const Tensor& weight, int64_t axis, bool perChannel);
/// Scale of least squared error per channel, at most that of minmax.
std::vector<float> mseScales(const Tensor& weight, int64_t axis);
/// Codes of the weight. Scales are raised first where the bias would not fit int32: |bias| / (inputScale * scale) <=
/// 2^30.
QuantizedWeight quantizeWeight(const Tensor& weight, int64_t axis, std::vector<float> scales, std::vector<float> bias,
                               float inputScale);
/// What the codes stand for.
Tensor dequantized(const QuantizedWeight& weight);
/// Codes of the bias, its scale being inputScale * the weight's; ties to even.
std::vector<int32_t> biasCodes(const QuantizedWeight& weight, float inputScale);

}  // namespace compress
