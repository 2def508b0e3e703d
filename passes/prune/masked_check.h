// Proof on the user's own model: the cut model computes what the model computes with the same slices set to zero.
#pragma once
#include "lib/pass/pass.h"
#include "passes/prune/patch.h"

namespace compress {

/// Largest difference between the outputs of `cut` and those of `whole` with `removed` masked, relative to the largest
/// output, on random inputs and the first calibration samples. Throws what running throws.
double maskedDifference(const Model& whole, const Model& cut, const Slices& removed, const PassContext& context);

}  // namespace compress
