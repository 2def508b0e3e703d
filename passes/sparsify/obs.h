// Zeros with error feedback: what a weight's removal adds to a layer's answers, the weights not yet visited take back as
// far as their inputs are correlated (SparseGPT, Frantar and Alistarh 2023; OBS, Hassibi and Stork 1993).
#pragma once
#include "passes/prune/fit.h"
#include "passes/sparsify/granularity.h"

namespace compress {

/// Chooses zeros of `weights` (inputs + 1 rows, the last one biases; a column per output) by w^2 / [H^-1]_ii, where the
/// weights before have been removed, and updates the others. `covariance`: inputs x inputs, of what the layer reads.
/// `mask` holds what is zero from the start and stays so. A share `sparsity` of the units becomes zero, or what a
/// pattern says.
void pruneByObs(NormalEquations::Matrix& weights, const NormalEquations::Matrix& covariance, Granularity granularity,
                const WeightGrid& grid, double sparsity, ZeroMask& mask);

}  // namespace compress
