// Sliding windows of convolutions and pools: attributes, padding and output sizes.
#pragma once
#include <string>
#include <vector>

#include "lib/ops/rules.h"

namespace compress {

/// One window over the spatial axes.
struct Window {
  std::vector<int64_t> kernel, strides, dilations, padsBegin, padsEnd;
  enum class AutoPad { none, sameUpper, sameLower, valid } autoPad = AutoPad::none;
  bool ceilMode = false;

  size_t rank() const { return kernel.size(); }
  /// Elements from the first to the last that the kernel touches along `axis`.
  int64_t extent(size_t axis) const { return (kernel[axis] - 1) * dilations[axis] + 1; }
};

/// Reads strides, dilations, pads, auto_pad and ceil_mode. Throws Error(input) for lists of another length than
/// `kernel`, for kernels, strides or dilations below 1 and negative pads.
Window windowOf(const Node& node, std::vector<int64_t> kernel);

/// Output size along `axis`; a dimension that the window leaves as it is stays symbolic. Throws Error(input) when the
/// kernel does not fit.
Dim windowOutput(const Window& window, size_t axis, const Dim& input);

/// Sets padsBegin and padsEnd from auto_pad for inputs of the given spatial extents.
void resolvePads(Window& window, const std::vector<int64_t>& extents);

}  // namespace compress
