#include "passes/quantize/rules.h"

#include <algorithm>
#include <array>

#include "lib/base/text.h"

namespace compress {
namespace {

const Tensor* constantInput(const RuleContext& context, size_t i) {
  return context.graph.constant(context.at().input(i));
}

bool isFloat32(const RuleContext& context, size_t i) {
  const ValueId id = context.at().input(i);
  if (!id) return false;
  if (const Tensor* constant = context.graph.constant(id)) return constant->dtype() == DType::f32;
  const Type& type = context.type(id);
  return type.isTensor() && type.dtype == DType::f32;
}

std::string floatData(const RuleContext& context) {
  return isFloat32(context, 0) ? "" : "its data are not float32";
}

std::string weight(const RuleContext& context, size_t wantedRank) {
  if (!isFloat32(context, 0)) return "its data are not float32";
  const Tensor* weight = constantInput(context, 1);
  if (weight == nullptr) return "its weight is not constant";
  if (weight->dtype() != DType::f32) return text("its weight is ", nameOf(weight->dtype()), ", expected float32");
  if (wantedRank != 0 && weight->shape().rank() != wantedRank)
    return text("its weight has rank ", weight->shape().rank(), ", expected ", wantedRank);
  if (weight->elementCount() == 0) return "its weight is empty";
  if (context.at().input(2) &&
      (constantInput(context, 2) == nullptr || constantInput(context, 2)->dtype() != DType::f32))
    return "its bias is not a float32 constant";
  return {};
}

std::string conv(const RuleContext& context) {
  if (std::string reason = weight(context, 0); !reason.empty()) return reason;
  const size_t rank = constantInput(context, 1)->shape().rank();
  return rank == 3 || rank == 4 || rank == 5 ? "" : text("its weight has rank ", rank, ", expected 3 to 5");
}

std::string gemm(const RuleContext& context) {
  if (std::string reason = weight(context, 2); !reason.empty()) return reason;
  const Attributes& attributes = context.at().attributes;
  if (attributes.integer("transA", 0) != 0) return "its data are transposed (transA)";
  if (attributes.real("alpha", 1) != 1 || attributes.real("beta", 1) != 1)
    return "alpha and beta other than 1 have no integer kernel";
  if (const Tensor* bias = constantInput(context, 2)) {
    const Shape& shape = bias->shape();
    const int64_t channels = constantInput(context, 1)->shape()[static_cast<size_t>(weightAxis(context.at()))];
    if (bias->elementCount() != channels || (shape.rank() > 0 && shape[shape.rank() - 1] != channels))
      return "its bias is not one number per output channel";
  }
  return {};
}

std::string matMul(const RuleContext& context) {
  return weight(context, 2);
}

std::string binary(const RuleContext& context) {
  for (size_t i = 0; i < 2; ++i) {
    if (!isFloat32(context, i)) return "its data are not float32";
    if (constantInput(context, i) != nullptr) return "one operand is constant: the affine step costs less in float";
  }
  return {};
}

std::string maxPool(const RuleContext& context) {
  if (context.at().output(1)) return "its index output is used";
  return floatData(context);
}

std::string pad(const RuleContext& context) {
  if (context.at().attributes.string("mode", "constant") != "constant") return floatData(context);
  if (const ValueId fill = context.at().input(2)) {
    const Tensor* constant = context.graph.constant(fill);
    if (constant == nullptr || constant->dtype() != DType::f32 || constant->as<float>()[0] != 0)
      return "it pads with something other than 0";
  }
  return floatData(context);
}

std::string resize(const RuleContext& context) {
  if (context.at().attributes.string("mode", "nearest") != "nearest")
    return "only nearest Resize has an integer kernel";
  return floatData(context);
}

std::string averagePool(const RuleContext& context) {
  if (context.at().attributes.integer("ceil_mode", 0) != 0) return "ceil_mode has no integer kernel";
  return floatData(context);
}

using enum QuantizeKind;
// One table for both targets: they differ in Concat alone (unified for portable), which the planner decides.
constexpr std::array kRules = std::to_array<QuantizeRule>({
    {"Conv", weighted, true, true, "QLinearConv", conv},
    {"Gemm", weighted, false, true, "QGemm", gemm},
    {"MatMul", weighted, true, true, "QLinearMatMul", matMul},
    {"Add", arithmetic, true, true, "QLinearAdd", binary},
    {"Mul", arithmetic, true, true, "QLinearMul", binary},
    {"AveragePool", pool, true, false, "QLinearAveragePool", averagePool},
    {"GlobalAveragePool", pool, true, false, "QLinearGlobalAveragePool", floatData},
    {"LeakyRelu", pool, true, false, "QLinearLeakyRelu", floatData},
    {"Concat", join, true, false, "QLinearConcat", floatData},
    {"MaxPool", movement, true, false, "MaxPool", maxPool},
    {"Reshape", movement, true, false, "Reshape", floatData},
    {"Flatten", movement, true, false, "Flatten", floatData},
    {"Transpose", movement, true, false, "Transpose", floatData},
    {"Squeeze", movement, true, false, "Squeeze", floatData},
    {"Unsqueeze", movement, true, false, "Unsqueeze", floatData},
    {"Slice", movement, true, false, "Slice", floatData},
    {"Expand", movement, true, false, "Expand", floatData},
    {"Tile", movement, true, false, "Tile", floatData},
    {"Resize", movement, true, false, "Resize", resize},
    {"DepthToSpace", movement, true, false, "DepthToSpace", floatData},
    {"SpaceToDepth", movement, true, false, "SpaceToDepth (float)", floatData},
    {"Pad", movement, true, false, "Pad (float)", pad},
    {"Identity", movement, true, false, "nothing", floatData},
});

}  // namespace

std::span<const QuantizeRule> quantizeRules(std::string_view) {
  return kRules;
}

const QuantizeRule* findRule(std::string_view target, const Node& node) {
  if (!node.domain.empty()) return nullptr;
  const auto rules = quantizeRules(target);
  const auto it = std::ranges::find(rules, node.op, &QuantizeRule::op);
  return it == rules.end() ? nullptr : &*it;
}

std::string reasonWithoutRule(const Node& node) {
  if (!node.domain.empty()) return text("operators of domain '", node.domain, "' have no rule");
  if (node.op == "Softmax" || node.op == "LogSoftmax") return "Softmax stays float: its small values carry the result";
  if (node.op == "Sigmoid" || node.op == "Tanh" || node.op == "HardSwish" || node.op == "HardSigmoid" ||
      node.op == "Gelu")
    return "activation kept float between quantized tensors";
  return text(node.op, " has no integer kernel in the target");
}

int64_t weightAxis(const Node& node) {
  if (node.op == "MatMul") return 1;
  if (node.op == "Gemm") return node.attributes.integer("transB", 0) != 0 ? 0 : 1;
  return 0;
}

}  // namespace compress
