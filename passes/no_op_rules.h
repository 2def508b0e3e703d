// Which nodes only hand on one of their inputs.
#pragma once
#include "passes/known_types.h"

namespace compress {

/// The input that output 0 of the node equals in value, type and shape for every input of the model; none where that
/// cannot be told. The other outputs are unused. `known` may know nothing: then fewer nodes are recognised.
ValueId findPassedOn(const Graph& graph, const Node& node, const KnownTypes& known);

}  // namespace compress
