// A model with every open dimension of its inputs fixed, as structured pruning needs it: which axes are how large
// decides what goes together.
#pragma once
#include "lib/eval/dataset.h"
#include "lib/ir/model.h"

namespace compress {

/// A copy whose inputs have the shapes of `sample`; without one, open dimensions that share a symbol get the same size,
/// the first axis of each input 1.
Model withFixedInputs(const Model& model, const Sample* sample);

}  // namespace compress
