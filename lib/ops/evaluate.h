// Running single nodes and whole graphs by the plain-loop references: the meaning that everything else is tested
// against.
#pragma once
#include <functional>

#include "lib/ops/op.h"

namespace compress {

/// Runs a body of If, Loop or Scan: its outputs, given one tensor per input.
using RunBody = std::function<std::vector<Tensor>(const Graph& body, std::span<const Tensor> inputs)>;

/// Outputs of one node in the newest form; bodies run by `runBody`, or by their references where it is empty. Throws
/// Error(unsupported) for an op without a reference.
std::vector<Tensor> evaluate(const Graph& graph, const Node& node, std::span<const Tensor> inputs,
                             const RunBody& runBody = {});

/// Called during the evaluation of a graph.
struct EvaluateHooks {
  std::function<void(size_t position, double ms)>
      afterNode;  ///< position in graph.order(), and the time that the node took
};

/// Graph outputs, given one tensor per `graph.runtimeInputs()`, in the newest form; the `observed` values follow.
/// Intermediates are freed after their last use.
std::vector<Tensor> evaluate(const Graph& graph, std::span<const Tensor> inputs, std::span<const ValueId> observed = {},
                             const EvaluateHooks& hooks = {});

/// Throws Error(unsupported) naming the first node, bodies included, whose op has no reference.
void requireReferences(const Graph& graph);

}  // namespace compress
