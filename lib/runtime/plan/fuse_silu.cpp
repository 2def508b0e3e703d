// silu: x * Sigmoid(x) becomes one operation.
#include "lib/runtime/plan/patterns.h"

namespace compress {

int64_t fuseSilu(FusedGraph& graph) {
  int64_t changes = 0;
  for (const NodeId id : graph.graph.order()) {
    const Node& sigmoid = graph.graph.node(id);
    if (!sigmoid.is("Sigmoid") || graph.dtype(sigmoid.outputs[0]) != DType::f32) continue;
    const ValueId x = sigmoid.inputs[0];
    const std::optional<NodeId> reader = graph.onlyReader(sigmoid.outputs[0]);
    if (!reader || !graph.graph.node(*reader).is("Mul")) continue;
    const Node& mul = graph.graph.node(*reader);
    if (!(mul.inputs == std::vector{x, sigmoid.outputs[0]}) && !(mul.inputs == std::vector{sigmoid.outputs[0], x}))
      continue;
    graph.graph.setOp(*reader, "Elementwise", kPlanDomain);
    graph.graph.setInputs(*reader, {x});
    graph.fused(*reader).post = {PostOp{PostOp::Kind::silu, 0, 0, 0}};
    graph.absorbBefore(*reader, id);
    ++changes;
  }
  return changes;
}

}  // namespace compress
