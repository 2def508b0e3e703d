// Taking slices out of a model, and setting them to zero instead: the two must compute the same.
#pragma once
#include "lib/ir/model.h"
#include "passes/known_types.h"
#include "passes/prune/patch.h"

namespace compress {

/// Adds `more` to `slices`.
void unite(Slices& slices, const Slices& more);

/// `more`, which counts the slices that are left without `gone`, by the numbers that they had at first. Axes of values
/// that `original` does not know are left out.
Slices inOriginal(const KnownTypes& original, const Slices& gone, const Slices& more);

/// `tensor` without slices `removed` (ascending) of `axis`. Throws Error(unsupported) for types below a byte.
Tensor withoutSlices(const Tensor& tensor, size_t axis, const std::vector<int64_t>& removed);

/// Cuts the slices out of every constant, lets the nodes follow, and forgets the types of values that changed. `before`
/// knows the model as it is; `removed` is a union of closures. Throws Error(unsupported) where a size that must follow
/// is computed.
void removeSlices(Model& model, const KnownTypes& before, const Slices& removed);

/// Can slices of the constant be set to zero without consequence for others? Not for what divides, or for scales.
bool isMaskable(const Graph& graph, ValueId value);

/// Sets the slices to zero in every maskable constant (an integer one read by a DequantizeLinear to its zero point),
/// the shapes as they were.
void maskSlices(Model& model, const Slices& removed);

}  // namespace compress
