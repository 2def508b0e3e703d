// The weights of Resize, for the reference and for fast kernels.
#pragma once
#include <vector>

#include "lib/ir/graph.h"

namespace compress {

/// Source indices and weights of one output index; none: the extrapolation value.
struct ResizeTaps {
  std::vector<int64_t> indices;
  std::vector<double> weights;
};

/// Per axis of a tensor of shape `x`, one entry per output index. `parameters`: roi, scales, sizes; null or empty when
/// absent. Throws Error(input) for unknown modes and parameters that do not fit.
std::vector<std::vector<ResizeTaps>> resizeTables(const Node& node, const Shape& x, const Tensor* roi,
                                                  const Tensor* scales, const Tensor* sizes);

}  // namespace compress
