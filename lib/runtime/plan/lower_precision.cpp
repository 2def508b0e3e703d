// A value is stored as bf16 when everything that reads it can: Convs and products as what they multiply or add,
// elementwise operations as what they begin with.
#include "lib/runtime/plan/lower_precision.h"

#include <algorithm>

#include "lib/runtime/plan/patterns.h"

namespace compress {
namespace {

/// Conv or plan operator Gemm of f32 with constant weights.
bool isProduct(const FusedGraph& graph, NodeId id) {
  return takesPostOps(graph, id);
}

/// Can node input `use` be bf16?
bool readsBf16(const FusedGraph& graph, const Use& use, const std::vector<bool>& isProductNode) {
  if (isElementwise(graph.graph.node(use.node))) return use.index == 0;
  return isProductNode[static_cast<size_t>(use.node.index)] && (use.index == 0 || use.index > 2);
}

bool canBeBf16(const FusedGraph& graph, ValueId value, const std::vector<bool>& isProductNode) {
  return !graph.graph.isOutput(value) && graph.dtype(value) == DType::f32 &&
         std::ranges::all_of(graph.graph.uses(value),
                             [&](const Use& use) { return readsBf16(graph, use, isProductNode); });
}

void becomeBf16(FusedGraph& graph, ValueId value) {
  graph.graph.setType(value, Type::tensor(DType::bf16, graph.shape(value)));
}

/// All products read their left side through one Cast of `value`.
void castBefore(FusedGraph& graph, ValueId value, const std::vector<bool>& isProductNode) {
  const std::vector<Use> uses = graph.graph.uses(value);
  Node cast;
  cast.op = "Cast";
  cast.inputs = {value};
  cast.attributes.set("to", static_cast<int64_t>(DType::bf16));
  cast.outputs = {graph.graph.add(
      {graph.graph.value(value).name + ".bf16", Type::tensor(DType::bf16, graph.shape(value)), std::nullopt, {}})};
  const ValueId lowered = cast.outputs[0];
  graph.graph.append(std::move(cast));
  for (const Use& use : uses)
    if (use.index == 0 && isProductNode[static_cast<size_t>(use.node.index)])
      graph.graph.setInput(use.node, use.index, lowered);
}

}  // namespace

int64_t lowerToBf16(FusedGraph& graph) {
  const std::vector<NodeId> order = graph.graph.order();
  std::vector<bool> isProductNode;
  for (const NodeId id : order) {
    isProductNode.resize(std::max(isProductNode.size(), static_cast<size_t>(id.index) + 1));
    isProductNode[static_cast<size_t>(id.index)] = isProduct(graph, id);
  }
  int64_t count = 0;
  for (const NodeId id : order) {
    const bool isWriter = isProductNode[static_cast<size_t>(id.index)] || isElementwise(graph.graph.node(id));
    if (!isWriter || !canBeBf16(graph, graph.graph.node(id).outputs[0], isProductNode)) continue;
    becomeBf16(graph, graph.graph.node(id).outputs[0]);
    ++count;
  }
  for (const NodeId id : order) {
    const ValueId left = isProductNode[static_cast<size_t>(id.index)] ? graph.graph.node(id).inputs[0] : kNoValue;
    if (!left || graph.dtype(left) == DType::bf16) continue;
    castBefore(graph, left, isProductNode);
    ++count;
  }
  return count;
}

}  // namespace compress
