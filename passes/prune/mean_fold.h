// Repair that costs one pass over the samples: what the removed channels added on average goes into biases, and the
// statistics of BatchNormalization are taken anew.
#pragma once
#include "lib/pass/pass.h"
#include "passes/prune/patch.h"

namespace compress {

/// Adds to the bias of each layer of `cut` that reads removed slices what they gave on average in `whole`. 2-D Conv
/// without groups, Gemm and MatMul with constant float weights of their own; a MatMul without bias is left alone. The
/// count of layers. Ids are the same in both models.
int64_t foldMeans(const Model& whole, Model& cut, const Slices& removed, PassContext& context);

/// Sets mean and variance of every BatchNormalization of `model` to those of what it reads over the calibration
/// samples, in topological order, each behind those set before. The count of them.
int64_t reestimateNorms(Model& model, PassContext& context);

}  // namespace compress
