// Rounding with error feedback: what rounding one weight adds to a layer's result, the weights not yet rounded take
// back as far as the inputs are correlated. Minimises the expected |(W - Q) x|^2 for the second moments of x seen on
// samples (GPTQ, Frantar et al. 2022).
#pragma once
#include <span>
#include <vector>

#include "lib/ir/graph.h"
#include "passes/quantize/weights.h"

namespace compress {

/// Second moments of what one output position of a layer reads: `size` x `size` per convolution group, row-major, upper
/// triangle.
struct Moments {
  int64_t groups = 0, size = 0;
  std::vector<std::vector<float>> sums;
};

/// Of at most `positions` places per input, evenly spread. `inputs` and `results` are the node's data and results, one
/// pair per sample.
Moments inputMoments(const Node& node, const Tensor& weight, std::span<const Tensor> inputs,
                     std::span<const Tensor> results, int64_t positions);

/// Replaces the codes of `rounded` (same scales); `weight` is the float weight, `axis` that of its output channels.
void roundByMoments(QuantizedWeight& rounded, const Tensor& weight, int64_t axis, const Moments& moments);

}  // namespace compress
