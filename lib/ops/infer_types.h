// Shape inference over a whole graph.
#pragma once
#include <map>

#include "lib/ops/op.h"

namespace compress {

/// Types of all values of `model` when the graph inputs have the given types (declared types where none is given),
/// indexed by ValueId::index. The graph is in the newest opset's form (see upgraded()). Values that are computable from
/// constants alone, integer shape arithmetic among them, are evaluated on the way (at most `foldLimit` bytes each), so
/// that Reshape, Slice and the like see their values. An op without a rule leaves its outputs unknown. Throws
/// Error(input) naming the node where a rule finds a contradiction.
struct Inferred {
  std::vector<Type> types;
  std::vector<std::optional<Tensor>> known;  ///< values computed on the way; initializers too
};
Inferred inferTypes(const Graph& graph, const std::map<ValueId, Type>& inputTypes = {}, int64_t foldLimit = 1 << 16);

}  // namespace compress
