// Sums over results that judge how far two tensors are apart. In lanes, so that they run at the speed of memory, and
// in an order that depends on nothing but the sizes.
#pragma once
#include <vector>

#include "lib/ir/tensor.h"
#include "passes/quantize/weights.h"

namespace compress {

struct Energy {
  double signal = 0, error = 0;
  /// Signal over error in decibels; 200 where nothing differs.
  double db() const;
  /// Error over signal.
  double relativeError() const;
};

/// Adds the squares of `expected`, and those of its difference to `found`. Both float32 and of one shape.
void addEnergy(Energy& energy, const Tensor& expected, const Tensor& found);

/// Sum of a - b per channel.
std::vector<double> channelDifference(const ChannelView& view, const Tensor& a, const Tensor& b);

/// The tensor with `added[c]` added to each element of channel c.
Tensor plusPerChannel(const ChannelView& view, const Tensor& tensor, const std::vector<double>& added);

}  // namespace compress
