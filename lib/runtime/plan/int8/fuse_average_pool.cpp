// DequantizeLinear -> AveragePool, GlobalAveragePool or ReduceMean over the spatial axes -> Relu, Clip ->
// QuantizeLinear becomes QuantizedAveragePool on bytes.
#include <algorithm>

#include "lib/runtime/plan/fusions.h"
#include "lib/runtime/plan/int8/patterns.h"

namespace compress::int8 {
namespace {

/// Is it a mean over all of the spatial axes, which it keeps?
bool isSpatialMean(const FusedGraph& graph, const Node& node) {
  if (node.is("GlobalAveragePool")) return true;
  if (!node.is("ReduceMean") || node.attributes.integer("keepdims", 1) != 1 || !node.input(1)) return false;
  const Tensor* constant = graph.graph.constant(node.input(1));
  if (!constant) return false;
  const size_t rank = graph.shape(node.inputs[0]).rank();
  std::vector<size_t> axes;
  for (const int64_t axis : toInts(*constant)) axes.push_back(normalizedAxis(axis, rank));
  std::ranges::sort(axes);
  return rank == 4 && axes == std::vector<size_t>{2, 3};
}

bool fuseOne(FusedGraph& graph, NodeId id) {
  const Node node = graph.graph.node(id);
  const bool isGlobal = isSpatialMean(graph, node);
  if (!isGlobal && !node.is("AveragePool")) return false;
  const std::optional<Dequantized> x = findDequantized(graph, node.inputs[0]);
  const Tail tail = followTail(graph, node.outputs[0]);
  if (!x || !tail.quantizer || x->q.dtype != tail.quantizer->q.dtype || graph.shape(node.inputs[0]).rank() != 4 ||
      graph.shape(node.outputs[0]).elementCount() == 0)
    return false;
  Node made;
  made.op = "QuantizedAveragePool";
  made.domain = kPlanDomain;
  made.name = displayNameOf(graph, id);
  made.inputs = {x->source};
  const Shape shape = graph.shape(x->source);
  if (isGlobal)
    made.attributes.set("kernel_shape", std::vector<int64_t>{shape[2], shape[3]});
  else
    made.attributes = node.attributes;
  setQuantization(made.attributes, "x", x->q);
  replaceWithTail(graph, tail, std::move(made));
  return true;
}

}  // namespace

int64_t fuseAveragePool(FusedGraph& graph) {
  return fuseEach(graph, fuseOne);
}

}  // namespace compress::int8
