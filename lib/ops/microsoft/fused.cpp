// Conv, Gemm, MatMul and pools with what was fused into them: activations, transpositions, channels-last layouts.
#include "lib/ops/lowering.h"
#include "lib/ops/microsoft/families.h"
#include "lib/ops/microsoft/layout.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

/// The activation called `name` of `x`; `parameters` in the order in which the op declares them.
ValueId activated(Lowering& node, ValueId x, const std::string& name, const std::vector<float>& parameters,
                  DType dtype) {
  const auto parameter = [&](size_t i, float absent) { return i < parameters.size() ? parameters[i] : absent; };
  if (name.empty()) return x;
  if (name == "Relu" || name == "Tanh" || name == "Sigmoid" || name == "Softplus" || name == "Softsign" ||
      name == "HardSwish")
    return node.emit(name, {x});
  if (name == "LeakyRelu" || name == "Elu" || name == "ThresholdedRelu")
    return node.emit(name, {x}, attributesOf({{"alpha", parameter(0, name == "LeakyRelu" ? 0.01F : 1.0F)}}));
  if (name == "HardSigmoid")
    return node.emit(name, {x}, attributesOf({{"alpha", parameter(0, 0.2F)}, {"beta", parameter(1, 0.5F)}}));
  if (name == "Clip" && parameters.size() == 2)
    return node.emit(name, {x, node.scalar(static_cast<double>(parameters[0]), dtype),
                            node.scalar(static_cast<double>(parameters[1]), dtype)});
  throw Error(ErrorKind::unsupported, text("activation '", displayName(name), "' is not supported"));
}

Attributes without(Attributes attributes, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) attributes.erase(name);
  return attributes;
}

/// Conv(x, w, b) + z, activated.
ValueId fusedConv(Lowering& node, ValueId x, ValueId z) {
  const std::string activation = node.attributes().string("activation", "");
  const auto parameters = node.attributes().reals("activation_params");
  ValueId y = node.emit("Conv", {x, node.input(1), node.input(2)},
                        without(node.attributes(), {"activation", "activation_params"}));
  if (z) y = node.emit("Add", {y, z});
  return activated(node, y, activation, parameters, node.type(0).dtype);
}

bool lowerFusedConv(Lowering& node) {
  if (node.type(0).dtype == DType::undefined) return false;
  node.give(0, fusedConv(node, node.input(0), node.input(3)));
  return true;
}

bool lowerNhwcFusedConv(Lowering& node) {
  if (!node.knowsRank(0) || node.type(0).dtype == DType::undefined) return false;
  const size_t rank = node.type(0).rank();
  const ValueId x = channelsFirst(node, node.input(0), rank);
  const ValueId z = node.has(3) ? channelsFirst(node, node.input(3), rank) : kNoValue;
  node.give(0, channelsLast(node, fusedConv(node, x, z), rank));
  return true;
}

bool lowerFusedGemm(Lowering& node) {
  if (node.type(0).dtype == DType::undefined) return false;
  std::vector<float> parameters;
  for (const char* name : {"activation_alpha", "activation_beta"})
    if (node.attributes().has(name)) parameters.push_back(node.attributes().real(name, 0));
  const std::string activation = node.attributes().string("activation", "");
  const ValueId y =
      node.emit("Gemm", {node.input(0), node.input(1), node.input(2)},
                without(node.attributes(), {"activation", "activation_alpha", "activation_beta", "activation_gamma"}));
  node.give(0, activated(node, y, activation, parameters, node.type(0).dtype));
  return true;
}

/// Operand `i` with its first axis behind the batch axes, and its matrices transposed, where the attributes say so.
ValueId operand(Lowering& node, size_t i, bool isTransposed, bool isBatchTransposed) {
  if (!isTransposed && !isBatchTransposed) return node.input(i);
  std::vector<int64_t> perm;
  for (size_t axis = 0; axis < node.type(i).rank(); ++axis) perm.push_back(static_cast<int64_t>(axis));
  if (perm.size() < 2) return node.input(i);
  if (isBatchTransposed) std::rotate(perm.begin(), perm.begin() + 1, perm.end() - 1);
  if (isTransposed) std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
  return node.emit("Transpose", {node.input(i)}, attributesOf({{"perm", perm}}));
}

bool lowerFusedMatMul(Lowering& node) {
  if (!node.knowsRank(0) || !node.knowsRank(1) || node.type(0).dtype == DType::undefined) return false;
  const auto isSet = [&](std::string_view name) { return node.attributes().integer(name, 0) != 0; };
  const ValueId a = operand(node, 0, isSet("transA"), isSet("transBatchA")),
                b = operand(node, 1, isSet("transB"), isSet("transBatchB"));
  const float alpha = node.attributes().real("alpha", 1);
  const ValueId y = node.emit("MatMul", {a, b});
  node.give(0, alpha == 1 ? y : node.emit("Mul", {y, node.scalar(static_cast<double>(alpha), node.type(0).dtype)}));
  return true;
}

bool lowerNhwcMaxPool(Lowering& node) {
  if (!node.knowsRank(0)) return false;
  const size_t rank = node.type(0).rank();
  const ValueId x = channelsFirst(node, node.input(0), rank);
  node.give(0, channelsLast(node, node.emit("MaxPool", {x}, node.attributes()), rank));
  return true;
}

}  // namespace

std::vector<OpSpec> microsoftFusedOps() {
  return {
      lowered("FusedConv", kMicrosoft, lowerFusedConv, "activation(Conv(x, w) + b + z)"),
      lowered("NhwcFusedConv", kMicrosoft, lowerNhwcFusedConv, "the same with channels last"),
      lowered("NhwcConv", kMicrosoft, lowerNhwcFusedConv, "Conv with channels last"),
      lowered("FusedGemm", kMicrosoft, lowerFusedGemm, "activation(Gemm(a, b, c))"),
      lowered("FusedMatMul", kMicrosoft, lowerFusedMatMul, "alpha a b, with operands transposed"),
      lowered("TransposeMatMul", kMicrosoft, lowerFusedMatMul, "the older name of FusedMatMul"),
      lowered("NhwcMaxPool", kMicrosoft, lowerNhwcMaxPool, "MaxPool with channels last"),
  };
}

}  // namespace compress
