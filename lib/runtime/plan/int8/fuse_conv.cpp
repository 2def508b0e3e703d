// DequantizeLinear(x), DequantizeLinear(constant w) -> Conv, Gemm or MatMul -> Relu, Clip -> QuantizeLinear becomes
//   QuantizedConv(x, w as i8 with zero point 0, scales of w, bias in real numbers)
// Without QuantizeLinear the result is f32. Weights of another zero point are shifted; output channels that then need
// nine bits are named in two more inputs, as long as they are few. A padding that is not the integer 0 becomes a
// ByteBorder before it.
#include <algorithm>

#include "lib/runtime/plan/fusions.h"
#include "lib/runtime/plan/int8/conv_pieces.h"
#include "lib/runtime/plan/int8/patterns.h"
#include "lib/runtime/plan/patterns.h"

namespace compress::int8 {
namespace {

bool hasPadding(const Window& window) {
  const auto isSet = [](int64_t pad) { return pad > 0; };
  return std::ranges::any_of(window.padsBegin, isSet) || std::ranges::any_of(window.padsEnd, isSet);
}

/// May oneDNN pad with the integer 0? Not where a window could lie in padding alone.
bool canPadWithZero(const Window& window, const Quantization& x) {
  for (size_t i = 0; i < window.rank(); ++i)
    if (std::max(window.padsBegin[i], window.padsEnd[i]) >= window.kernel[i] || window.dilations[i] > 1) return false;
  return x.zero == 0;
}

/// x with a border of its zero point, shared with other readers that want the same.
ValueId bordered(FusedGraph& graph, ValueId x, const Window& window, const Quantization& q) {
  std::vector<int64_t> pads = window.padsBegin;
  pads.insert(pads.end(), window.padsEnd.begin(), window.padsEnd.end());
  for (const Use& use : graph.graph.uses(x)) {
    const Node& reader = graph.graph.node(use.node);
    if (reader.op == "ByteBorder" && reader.attributes.integers("pads") == pads &&
        reader.attributes.integer("fill", 0) == q.zero)
      return reader.outputs[0];
  }
  std::vector<int64_t> dims = graph.shape(x).dims();
  for (size_t i = 0; i < window.rank(); ++i) dims[i + 2] += window.padsBegin[i] + window.padsEnd[i];
  Node made;
  made.op = "ByteBorder";
  made.domain = kPlanDomain;
  made.inputs = {x};
  made.outputs = {addValue(graph, graph.graph.value(x).name + ".bordered", q.dtype, Shape(dims))};
  made.attributes.set("pads", pads);
  made.attributes.set("fill", int64_t{q.zero});
  const ValueId result = made.outputs[0];
  graph.graph.append(std::move(made));
  return result;
}

/// The pieces of a match. `chain`: the operator, and what is fused behind it; the fused node takes over the last one's
/// output.
struct Match {
  Dequantized x;
  Weights weights;
  std::optional<std::vector<double>> bias;
  std::vector<NodeId> chain;
  Tail tail;
};

/// Result side and constants, common to all operators.
void emitFused(FusedGraph& graph, Match match, Node made, ValueId x) {
  made.op = "QuantizedConv";
  made.domain = kPlanDomain;
  made.name = displayNameOf(graph, match.chain[0]);
  made.inputs = {x, addConstant(graph, "weights", match.weights.values),
                 addConstant(graph, "scales", match.weights.scales)};
  if (match.bias)
    made.inputs.push_back(
        addConstant(graph, "bias", Tensor::of<double>(Shape{static_cast<int64_t>(match.bias->size())}, *match.bias)));
  if (!match.weights.wide.empty()) {
    made.inputs.resize(4, kNoValue);
    made.inputs.push_back(addConstant(graph, "wide", Tensor::ofInts(match.weights.wide)));
    made.inputs.push_back(addConstant(graph, "wide.weights", match.weights.wideValues));
  }
  setQuantization(made.attributes, "x", match.x.q);
  if (match.tail.quantizer) setQuantization(made.attributes, "y", match.tail.quantizer->q);
  made.attributes.set("low", match.tail.low);
  made.attributes.set("high", match.tail.high);
  replaceNode(graph, match.chain.back(), std::move(made), {match.chain.begin() + 1, match.chain.end()});
}

/// Follows Relu, Clip and QuantizeLinear behind `result`.
void matchTail(const FusedGraph& graph, ValueId result, Match& match) {
  match.tail = followTail(graph, result);
  match.chain.insert(match.chain.end(), match.tail.nodes.begin(), match.tail.nodes.end());
  if (match.tail.quantizer) match.chain.push_back(match.tail.quantizer->node);
}

bool fuseOneConv(FusedGraph& graph, NodeId id) {
  const Node conv = graph.graph.node(id);
  const Shape x = graph.shape(conv.inputs[0]), y = graph.shape(conv.outputs[0]);
  if (x.rank() < 3 || x.rank() > 4 || y.elementCount() == 0) return false;
  const std::optional<Dequantized> source = findDequantized(graph, conv.inputs[0]);
  std::optional<Weights> weights = source ? findWeights(graph, conv.inputs[1], false) : std::nullopt;
  if (!weights) return false;
  Match match{*source, std::move(*weights), std::nullopt, {id}, {}};
  if (conv.input(2)) {
    match.bias = constantReals(graph, conv.input(2));
    if (!match.bias) return false;
  }
  matchTail(graph, conv.outputs[0], match);
  Window window = windowOfConv(conv, x, graph.shape(conv.inputs[1]), y);
  ValueId bytes = source->source;
  if (hasPadding(window) && !canPadWithZero(window, source->q)) {
    bytes = bordered(graph, bytes, window, source->q);
    std::ranges::fill(window.padsBegin, 0);
    std::ranges::fill(window.padsEnd, 0);
  }
  Node made;
  setWindow(made.attributes, conv, window);
  emitFused(graph, std::move(match), std::move(made), bytes);
  return true;
}

/// A constant that is added to each row, one element per column; nothing when it differs between rows or is none.
std::optional<std::vector<double>> columnBias(const FusedGraph& graph, ValueId value, int64_t columns) {
  std::optional<std::vector<double>> reals = constantReals(graph, value);
  if (!reals) return std::nullopt;
  const Shape shape = graph.shape(value);
  if (reals->size() == 1)
    reals->assign(static_cast<size_t>(columns), (*reals)[0]);
  else if (shape.elementCount() != columns || shape[shape.rank() - 1] != columns)
    return std::nullopt;
  return reals;
}

/// The constant that an Add behind a MatMul adds to each row, when that is all that reads the MatMul.
std::optional<std::vector<double>> rowBias(const FusedGraph& graph, ValueId result, int64_t columns, NodeId& adder) {
  const std::optional<NodeId> reader = graph.onlyReader(result);
  if (!reader || !graph.graph.node(*reader).is("Add")) return std::nullopt;
  const Node& add = graph.graph.node(*reader);
  const ValueId other = add.inputs[0] == result ? add.inputs[1] : add.inputs[0];
  std::optional<std::vector<double>> reals = columnBias(graph, other, columns);
  if (!reals || !(graph.shape(add.outputs[0]) == graph.shape(result))) return std::nullopt;
  adder = *reader;
  return reals;
}

bool fuseOneMatMul(FusedGraph& graph, NodeId id) {
  const Node node = graph.graph.node(id);
  const bool isGemm = node.is("Gemm");
  const Shape x = graph.shape(node.inputs[0]), y = graph.shape(node.outputs[0]);
  const bool isPlainGemm = isGemm && node.attributes.integer("transA", 0) == 0 &&
                           node.attributes.real("alpha", 1) == 1 && node.attributes.real("beta", 1) == 1;
  if ((isGemm && !isPlainGemm) || x.rank() < 2 || graph.shape(node.inputs[1]).rank() != 2 || y.elementCount() == 0)
    return false;
  const std::optional<Dequantized> source = findDequantized(graph, node.inputs[0]);
  const bool transposed = !isGemm || node.attributes.integer("transB", 0) == 0;
  std::optional<Weights> weights = source ? findWeights(graph, node.inputs[1], transposed) : std::nullopt;
  if (!weights) return false;
  Match match{*source, std::move(*weights), std::nullopt, {id}, {}};
  const int64_t columns = y[y.rank() - 1];
  ValueId result = node.outputs[0];
  if (isGemm && node.input(2)) {
    match.bias = columnBias(graph, node.inputs[2], columns);
    if (!match.bias) return false;
  } else {
    NodeId adder;
    match.bias = rowBias(graph, result, columns, adder);
    if (match.bias) {
      match.chain.push_back(adder);
      result = graph.graph.node(adder).outputs[0];
    }
  }
  matchTail(graph, result, match);
  Node made;
  made.attributes.set("rows", int64_t{1});
  emitFused(graph, std::move(match), std::move(made), source->source);
  return true;
}

bool fuseOne(FusedGraph& graph, NodeId id) {
  const Node& node = graph.graph.node(id);
  if (node.is("Conv")) return fuseOneConv(graph, id);
  return (node.is("MatMul") || node.is("Gemm")) && fuseOneMatMul(graph, id);
}

}  // namespace

int64_t fuseConv(FusedGraph& graph) {
  return fuseEach(graph, fuseOne);
}

}  // namespace compress::int8
