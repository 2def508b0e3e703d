// Gradients by reverse mode: nodes that compute the gradients of one number with respect to chosen values are appended
// to the graph, once. Passes, plans and backends then treat them as any other nodes.
#pragma once
#include <span>
#include <vector>

#include "lib/ir/graph.h"

namespace compress {

/// Appends to `graph`, which is in the newest form and whose shapes are concrete once its inputs' types are, the
/// gradients of `loss` (one floating element) with respect to `wanted`, one each; kNoValue where the loss does not
/// depend on the value. Only nodes between the two get gradient nodes. Throws Error(unsupported), with the node's name
/// and the way from it to the loss, where a node between them has no gradient; the graph is then of no further use.
std::vector<ValueId> appendGradients(Graph& graph, ValueId loss, std::span<const ValueId> wanted);

}  // namespace compress
