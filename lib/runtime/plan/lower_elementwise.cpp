// ONNX's elementwise operators on floats become plan operator Elementwise, so that one fusion and one kernel serve them
// all.
#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/runtime/plan/patterns.h"

namespace compress {
namespace {

using Kind = PostOp::Kind;

struct UnaryName {
  std::string_view op;
  Kind kind;
};
constexpr UnaryName kUnary[] = {{"Relu", Kind::relu},   {"Sigmoid", Kind::sigmoid},
                                {"Tanh", Kind::tanh},   {"HardSwish", Kind::hardSwish},
                                {"Mish", Kind::mish},   {"Softplus", Kind::softplus},
                                {"Exp", Kind::exp},     {"Log", Kind::log},
                                {"Sqrt", Kind::sqrt},   {"Reciprocal", Kind::reciprocal},
                                {"Abs", Kind::abs},     {"Neg", Kind::neg},
                                {"Floor", Kind::floor}, {"Ceil", Kind::ceil},
                                {"Round", Kind::round}, {"Erf", Kind::erf},
                                {"Sin", Kind::sin},     {"Cos", Kind::cos},
                                {"Sign", Kind::sign}};
struct BinaryName {
  std::string_view op;
  Kind kind;
  Kind reverse;
};
constexpr BinaryName kBinary[] = {{"Add", Kind::add, Kind::add},        {"Sum", Kind::add, Kind::add},
                                  {"Sub", Kind::sub, Kind::reverseSub}, {"Mul", Kind::mul, Kind::mul},
                                  {"Div", Kind::div, Kind::reverseDiv}, {"Min", Kind::min, Kind::min},
                                  {"Max", Kind::max, Kind::max}};

/// x to the power of a constant.
PostOp powerOf(float exponent) {
  if (exponent == 1.F) return {Kind::linear, 1.F, 0.F, 0};
  if (exponent == 2.F) return {Kind::square, 0, 0, 0};
  if (exponent == 0.5F) return {Kind::sqrt, 0, 0, 0};
  if (exponent == -1.F) return {Kind::reciprocal, 0, 0, 0};
  return {Kind::power, exponent, 0, 0};
}

/// Operators of one tensor whose parameters are attributes or constants.
std::optional<PostOp> unaryOf(const FusedGraph& graph, const Node& node) {
  for (const UnaryName& name : kUnary)
    if (node.op == name.op) return PostOp{name.kind, 0, 0, 0};
  if (node.op == "LeakyRelu") return PostOp{Kind::leakyRelu, node.attributes.real("alpha", 0.01F), 0, 0};
  if (node.op == "Elu") return PostOp{Kind::elu, node.attributes.real("alpha", 1.F), 0, 0};
  if (node.op == "HardSigmoid")
    return PostOp{Kind::hardSigmoid, node.attributes.real("alpha", 0.2F), node.attributes.real("beta", 0.5F), 0};
  if (node.op == "Gelu")
    return PostOp{node.attributes.string("approximate", "none") == "tanh" ? Kind::geluTanh : Kind::geluErf, 0, 0, 0};
  if (node.op == "Pow" && graph.shape(node.inputs[0]) == graph.shape(node.outputs[0]))
    if (const std::optional<float> exponent = scalarConstant(graph, node.inputs[1])) return powerOf(*exponent);
  if (node.op != "Clip") return std::nullopt;
  PostOp clip{Kind::clip, std::numeric_limits<float>::lowest(), std::numeric_limits<float>::max(), 0};
  for (size_t i = 1; i <= 2; ++i) {
    if (!node.input(i)) continue;
    const std::optional<float> bound = scalarConstant(graph, node.input(i));
    if (!bound) return std::nullopt;
    (i == 1 ? clip.alpha : clip.beta) = *bound;
  }
  if (clip.alpha == 0 && !node.input(2)) clip.kind = Kind::relu;
  return clip;
}

/// With a constant of one element the operation is a straight line.
std::optional<PostOp> lineOf(Kind kind, float constant) {
  switch (kind) {
    case Kind::add:
      return PostOp{Kind::linear, 1.F, constant, 0};
    case Kind::sub:
      return PostOp{Kind::linear, 1.F, -constant, 0};
    case Kind::mul:
      return PostOp{Kind::linear, constant, 0.F, 0};
    case Kind::reverseSub:
      return PostOp{Kind::linear, -1.F, constant, 0};
    default:
      return std::nullopt;
  }
}

void becomeElementwise(FusedGraph& graph, NodeId id, std::vector<ValueId> inputs, std::vector<PostOp> post) {
  graph.graph.setOp(id, "Elementwise", kPlanDomain);
  graph.graph.setInputs(id, std::move(inputs));
  graph.fused(id).post = std::move(post);
}

bool lowerBinary(FusedGraph& graph, NodeId id) {
  const Node& node = graph.graph.node(id);
  const auto name = std::ranges::find(kBinary, std::string_view(node.op), &BinaryName::op);
  const bool isPrelu = node.op == "PRelu";
  if ((name == std::end(kBinary) && !isPrelu) || node.inputs.size() != 2) return false;
  const Shape whole = graph.shape(node.outputs[0]);
  std::vector<ValueId> inputs = node.inputs;
  Kind kind = isPrelu ? Kind::prelu : name->kind;
  const bool isSecondWhole = graph.shape(inputs[1]) == whole && !graph.isConstant(inputs[1]);
  if (!isPrelu && isSecondWhole && (graph.isConstant(inputs[0]) || !(graph.shape(inputs[0]) == whole))) {
    std::swap(inputs[0], inputs[1]);
    kind = name->reverse;
  }
  const std::optional<float> constant = scalarConstant(graph, inputs[1]);
  const std::optional<PostOp> line =
      constant && graph.shape(inputs[0]) == whole ? lineOf(kind, *constant) : std::nullopt;
  if (line)
    becomeElementwise(graph, id, {inputs[0]}, {*line});
  else
    becomeElementwise(graph, id, inputs, {PostOp{kind, 0, 0, 1}});
  return true;
}

/// Inference: y = x * scale / sqrt(var + epsilon) + (bias - mean * that), with constants.
bool lowerBatchNorm(FusedGraph& graph, NodeId id) {
  const Node& node = graph.graph.node(id);
  if (!node.is("BatchNormalization") || node.outputs.size() != 1 || node.attributes.integer("training_mode", 0) != 0)
    return false;
  for (size_t i = 1; i < 5; ++i)
    if (!graph.isConstant(node.inputs[i])) return false;
  const Shape whole = graph.shape(node.inputs[0]);
  if (whole.rank() < 2) return false;
  std::vector<std::vector<float>> c;
  for (size_t i = 1; i < 5; ++i) c.push_back(toFloats(*graph.graph.constant(node.inputs[i])));
  const float epsilon = node.attributes.real("epsilon", 1e-5F);
  std::vector<int64_t> dims(whole.rank(), 1);
  dims[1] = whole[1];
  std::vector<float> factor(c[0].size());
  std::vector<float> offset(c[0].size());
  for (size_t i = 0; i < factor.size(); ++i) {
    factor[i] = static_cast<float>(c[0][i] / std::sqrt(static_cast<double>(c[3][i]) + static_cast<double>(epsilon)));
    offset[i] = c[1][i] - c[2][i] * factor[i];
  }
  const ValueId input = node.inputs[0];
  const ValueId mul = addConstant(graph, "batch_norm.factor", Tensor::of<float>(Shape(dims), factor));
  const ValueId add = addConstant(graph, "batch_norm.offset", Tensor::of<float>(Shape(dims), offset));
  becomeElementwise(graph, id, {input, mul, add}, {PostOp{Kind::mul, 0, 0, 1}, PostOp{Kind::add, 0, 0, 2}});
  return true;
}

bool isFloat(const FusedGraph& graph, const Node& node) {
  if (!node.domain.empty() || node.outputs.empty() || !node.outputs[0] || graph.dtype(node.outputs[0]) != DType::f32)
    return false;
  return std::ranges::all_of(node.inputs, [&](ValueId input) { return !input || graph.dtype(input) == DType::f32; });
}

}  // namespace

int64_t lowerElementwise(FusedGraph& graph) {
  int64_t changes = 0;
  for (const NodeId id : graph.graph.order()) {
    const Node& node = graph.graph.node(id);
    if (!isFloat(graph, node) || graph.shape(node.outputs[0]).elementCount() == 0) continue;
    if (const std::optional<PostOp> op = unaryOf(graph, node)) {
      becomeElementwise(graph, id, {node.inputs[0]}, {*op});
      ++changes;
    } else if (lowerBinary(graph, id) || lowerBatchNorm(graph, id)) {
      ++changes;
    }
  }
  return changes;
}

std::vector<std::string_view> elementwiseOperators() {
  std::vector<std::string_view> names = {"LeakyRelu", "Elu", "HardSigmoid", "Gelu", "Clip", "BatchNormalization"};
  for (const UnaryName& name : kUnary) names.push_back(name.op);
  for (const BinaryName& name : kBinary) names.push_back(name.op);
  return names;
}

}  // namespace compress
