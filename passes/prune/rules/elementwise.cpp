// Elementwise operators: every axis of the result with the axes of the operands that are not broadcast along it.
#include <algorithm>

#include "passes/prune/rules.h"

namespace compress {
namespace {

/// numpy's broadcasting: axes are matched from the right, an operand of extent 1 is not concerned.
void tieBroadcast(NodeTies& ties) {
  const ValueId result = ties.output();
  for (size_t axis = 0; axis < ties.rank(result); ++axis) {
    std::vector<Axis> together = {{result, axis}};
    for (const ValueId operand : ties.node().inputs) {
      if (!operand) continue;
      const size_t missing = ties.rank(result) - ties.rank(operand);
      if (axis >= missing && ties.size(operand, axis - missing) > 1) together.push_back({operand, axis - missing});
    }
    ties.tieAxes(together);
  }
}

void tieUnary(NodeTies& ties) {
  for (const ValueId result : ties.node().outputs)
    if (result) ties.tieAll(ties.input(0), result);
}

/// Scale and zero point along `axis`, when there is one per slice.
void tieQuantize(NodeTies& ties) {
  if (ties.node().attributes.integer("block_size", 0) != 0)
    return ties.blockAll("quantized in blocks along an axis");
  tieUnary(ties);
  const size_t axis = ties.rank(ties.input(0)) == 0
                          ? 0
                          : normalizedAxis(ties.node().attributes.integer("axis", 1), std::max<size_t>(ties.rank(ties.input(0)), 2));
  for (const size_t parameter : {1U, 2U}) {
    const ValueId value = ties.input(parameter);
    if (value && ties.rank(value) == 1 && ties.size(value, 0) > 1) ties.tieAxes({{ties.input(0), axis}, {value, 0}});
  }
}

}  // namespace

std::vector<PruneRule> elementwisePruneRules() {
  std::vector<PruneRule> rules;
  for (const std::string_view op :
       {"Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Mod", "Sum", "Mean", "PRelu", "Where", "Equal", "Greater",
        "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Xor", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor"})
    rules.push_back({op, "", tieBroadcast});
  for (const std::string_view op :
       {"Abs",         "Acos",     "Acosh",   "Asin",      "Asinh",   "Atan",      "Atanh",    "BitwiseNot", "Cast",
        "Ceil",     "Celu",    "Clip",      "Cos",     "Cosh",      "Dropout",  "Elu",        "Erf",
        "Exp",         "Floor",    "Gelu",    "HardSigmoid", "HardSwish", "Identity", "IsInf", "IsNaN",      "LeakyRelu",
        "Log",         "Mish",     "Neg",     "Not",       "Reciprocal", "Relu",   "Round",    "Selu",       "Shrink",
        "Sigmoid",     "Sign",     "Sin",     "Sinh",      "Softplus", "Softsign", "Sqrt",     "Swish",      "Tan",
        "Tanh",        "ThresholdedRelu"})
    rules.push_back({op, "", tieUnary});
  for (const std::string_view op : {"QuantizeLinear", "DequantizeLinear"}) rules.push_back({op, "", tieQuantize});
  for (const std::string_view op : {"Gelu", "QuickGelu", "FastGelu"}) rules.push_back({op, "com.microsoft", tieBroadcast});
  rules.push_back({"BiasGelu", "com.microsoft", tieBroadcast});
  return rules;
}

}  // namespace compress
