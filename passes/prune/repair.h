// Repair without training: each layer behind a cut is fitted again by least squares, so that on the inputs which the
// cut network gives it, it answers what the whole network answered (Luo et al. 2017; He et al. 2017).
#pragma once
#include "lib/pass/pass.h"
#include "passes/prune/patch.h"

namespace compress {

/// Fits weights and biases of `cut` in topological order, from the first layer whose inputs changed on: 2-D Conv (any
/// groups), Gemm and MatMul with constant float weights of their own. `removed` are the slices that `whole` has and
/// `cut` has not; ids are the same in both. Uses all calibration samples. The count of layers fitted.
int64_t repair(const Model& whole, Model& cut, const Slices& removed, PassContext& context);

}  // namespace compress
