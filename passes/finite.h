// What a lossy pass asks of weights before it starts.
#pragma once
#include "lib/ir/model.h"

namespace compress {

/// Throws Error(numeric) naming the first constant of `graph` that holds NaN or Inf, with the index.
void requireFiniteWeights(const Graph& graph);

}  // namespace compress
