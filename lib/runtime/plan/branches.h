// If with a condition that is known when the plan is made.
#pragma once
#include <optional>
#include <span>

#include "lib/ir/graph.h"

namespace compress {

/// Puts the nodes of the chosen branch in the place of every If whose condition is in `known` (indexed by
/// ValueId::index). The count of Ifs that went.
int64_t inlineBranches(Graph& graph, std::span<const std::optional<Tensor>> known);

}  // namespace compress
