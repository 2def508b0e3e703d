// Running single nodes and whole graphs by the plain-loop references: the meaning that everything else is tested against.
#pragma once
#include "lib/ops/op.h"

namespace compress {

/// Outputs of one node in the newest form. Throws Error(unsupported) for an op without a reference.
std::vector<Tensor> evaluate(const Graph& graph, const Node& node, std::span<const Tensor> inputs);

/// Graph outputs, given one tensor per `graph.runtimeInputs()`, in the newest form. Intermediates are freed after their last use.
std::vector<Tensor> evaluate(const Graph& graph, std::span<const Tensor> inputs);

}  // namespace compress
