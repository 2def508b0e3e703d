// Products of integers whose zero point and scale are known at run time only:
//   DynamicQuantizeLinear(x) -> MatMulInteger or ConvInteger with constant weights -> Cast to f32 -> Mul by a scale (->
//   Add of constants)
// becomes DynamicQuantizeLinear and IntegerConv(x, weights as i8, zero point, scale, bias). Without Cast and Mul the
// result is i32.
#include "lib/runtime/plan/int8/conv_pieces.h"
#include "lib/runtime/plan/fusions.h"
#include "lib/runtime/plan/patterns.h"

namespace compress::int8 {
namespace {

/// One element, or one per index of `axis` of `whole`, without making the result larger.
bool isPerChannel(const Shape& shape, const Shape& whole, size_t axis) {
  if (shape.rank() > whole.rank()) return false;
  if (shape.elementCount() == 1) return true;
  const size_t behind = whole.rank() - axis;
  return shape.elementCount() == whole[axis] && shape.rank() >= behind && shape[shape.rank() - behind] == whole[axis];
}

/// Weights less their zero point, which is one element or one per output channel.
std::optional<Weights> integerWeights(const FusedGraph& graph, const Node& node, bool isConv) {
  const Tensor* stored = graph.graph.constant(node.inputs[1]);
  const Tensor* zero = node.input(3) ? graph.graph.constant(node.input(3)) : nullptr;
  if (!stored || !isByte(stored->dtype()) || (node.input(3) && !zero)) return std::nullopt;
  const Shape& shape = stored->shape();
  if (isConv ? shape.rank() < 3 || shape.rank() > 4 : shape.rank() != 2) return std::nullopt;
  StoredConstant found{stored, nullptr, {0}};
  if (zero) found.zeros = toInts(*zero);
  if (found.zeros.size() > 1) {
    found.channelCount = found.zeros.size();
    found.axis = isConv ? 0 : 1;
    found.inner = shape.count(*found.axis + 1, shape.rank());
    if (static_cast<int64_t>(found.channelCount) != shape[*found.axis]) return std::nullopt;
  }
  std::optional<Weights> weights = narrowWeights(found, !isConv);
  return weights && weights->wide.empty() ? weights : std::nullopt;
}

/// Takes over what stands behind the sums: Cast to f32, Mul by a scale, Add of constants. Returns the last node.
NodeId absorbScale(const FusedGraph& graph, NodeId id, size_t axis, Node& made, std::vector<NodeId>& others) {
  const Shape whole = graph.shape(graph.graph.node(id).outputs[0]);
  NodeId last = id;
  const auto next = [&](std::string_view op) -> std::optional<NodeId> {
    const std::optional<NodeId> reader = graph.onlyReader(graph.graph.node(last).outputs[0]);
    return reader && graph.graph.node(*reader).is(op) ? reader : std::nullopt;
  };
  /// The other operand of node `reader`, when it is per-channel.
  const auto operand = [&](NodeId reader) -> std::optional<ValueId> {
    const Node& node = graph.graph.node(reader);
    const ValueId other = node.inputs[node.inputs[0] == graph.graph.node(last).outputs[0] ? 1 : 0];
    if (graph.dtype(other) != DType::f32 || !isPerChannel(graph.shape(other), whole, axis)) return std::nullopt;
    return other;
  };
  const std::optional<NodeId> cast = next("Cast");
  if (!cast || graph.dtype(graph.graph.node(*cast).outputs[0]) != DType::f32) return id;
  last = *cast;
  const std::optional<NodeId> mul = next("Mul");
  const std::optional<ValueId> scale = mul ? operand(*mul) : std::nullopt;
  if (!scale) return id;
  made.inputs.push_back(*scale);
  others.push_back(*cast);
  others.push_back(last = *mul);
  const std::optional<NodeId> add = next("Add");
  const std::optional<ValueId> bias = add ? operand(*add) : std::nullopt;
  if (!bias || !graph.isConstant(*bias)) return last;
  made.inputs.push_back(*bias);
  others.push_back(last = *add);
  return last;
}

bool fuseOne(FusedGraph& graph, NodeId id) {
  const Node node = graph.graph.node(id);
  const bool isConv = node.is("ConvInteger");
  if (!isConv && !node.is("MatMulInteger")) return false;
  const Shape x = graph.shape(node.inputs[0]), y = graph.shape(node.outputs[0]);
  const bool hasOneZero = !node.input(2) || graph.shape(node.input(2)).elementCount() == 1;
  if (!isByte(graph.dtype(node.inputs[0])) || !hasOneZero || x.rank() < 2 || y.elementCount() == 0 ||
      x.elementCount() == 0)
    return false;
  const std::optional<Weights> weights = integerWeights(graph, node, isConv);
  if (!weights) return false;
  Node made;
  made.op = "IntegerConv";
  made.domain = kPlanDomain;
  made.name = displayNameOf(graph, id);
  made.inputs = {node.inputs[0], addConstant(graph, "weights", weights->values), node.input(2)};
  if (isConv)
    setWindow(made.attributes, node, windowOfConv(node, x, weights->values.shape(), y));
  else
    made.attributes.set("rows", int64_t{1});
  std::vector<NodeId> chain = {id};
  const NodeId last = absorbScale(graph, id, isConv ? 1 : y.rank() - 1, made, chain);
  replaceNode(graph, last, std::move(made), {chain.begin() + 1, chain.end()});
  return true;
}

}  // namespace

int64_t fuseDynamic(FusedGraph& graph) {
  return fuseEach(graph, fuseOne);
}

}  // namespace compress::int8
