// DequantizeLinear(a), DequantizeLinear(b) -> Add, Sub or Mul -> Relu, Clip -> QuantizeLinear becomes
// QuantizedBinary(a, b). A smaller operand is expanded before, at once when it is constant.
#include "lib/ops/evaluate.h"
#include "lib/runtime/plan/fusions.h"
#include "lib/runtime/plan/int8/patterns.h"

namespace compress::int8 {
namespace {

/// `value` broadcast to `shape`.
ValueId expanded(FusedGraph& graph, ValueId value, const Shape& shape) {
  if (graph.shape(value) == shape) return value;
  const DType dtype = graph.dtype(value);
  const ValueId dims = graph.graph.addConstant("shape", Tensor::ofInts(shape.dims()));
  graph.graph.setType(dims, Type::tensor(DType::i64, Shape{static_cast<int64_t>(shape.rank())}));
  const ValueId result = addValue(graph, graph.graph.value(value).name + ".expanded", dtype, shape);
  Node made;
  made.op = "Expand";
  made.inputs = {value, dims};
  made.outputs = {result};
  graph.graph.append(std::move(made));
  return result;
}

bool fuseOne(FusedGraph& graph, NodeId id) {
  const Node node = graph.graph.node(id);
  if (!node.is("Add") && !node.is("Sub") && !node.is("Mul")) return false;
  const std::optional<Dequantized> a = findDequantized(graph, node.inputs[0]),
                                   b = findDequantized(graph, node.inputs[1]);
  if (!a || !b || a->q.dtype != b->q.dtype) return false;
  const Tail tail = followTail(graph, node.outputs[0]);
  if (!tail.quantizer) return false;
  const Shape shape = graph.shape(node.outputs[0]);
  Node made;
  made.op = "QuantizedBinary";
  made.domain = kPlanDomain;
  made.name = displayNameOf(graph, id);
  made.inputs = {expanded(graph, a->source, shape), expanded(graph, b->source, shape)};
  made.attributes.set("op", node.op);
  setQuantization(made.attributes, "a", a->q);
  setQuantization(made.attributes, "b", b->q);
  replaceWithTail(graph, tail, std::move(made));
  return true;
}

}  // namespace

int64_t fuseBinary(FusedGraph& graph) {
  const int64_t count = fuseEach(graph, fuseOne);
  graph.foldConstants(true);
  graph.graph.eraseDead();
  return count;
}

}  // namespace compress::int8
