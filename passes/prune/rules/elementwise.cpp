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
  if (ties.node().attributes.integer("block_size", 0) != 0) return ties.blockAll("quantized in blocks along an axis");
  tieUnary(ties);
  const size_t axis = ties.rank(ties.input(0)) == 0 ? 0
                                                    : normalizedAxis(ties.node().attributes.integer("axis", 1),
                                                                     std::max<size_t>(ties.rank(ties.input(0)), 2));
  for (const size_t parameter : {1U, 2U}) {
    const ValueId value = ties.input(parameter);
    if (value && ties.rank(value) == 1 && ties.size(value, 0) > 1) ties.tieAxes({{ties.input(0), axis}, {value, 0}});
  }
}

void add(std::vector<PruneRule>& rules, void (*ties)(NodeTies&), Zeros zeros,
         std::initializer_list<std::string_view> ops, std::string_view domain = "") {
  for (const std::string_view op : ops) rules.push_back({op, domain, ties, nullptr, zeros});
}

}  // namespace

std::vector<PruneRule> elementwisePruneRules() {
  std::vector<PruneRule> rules;
  add(rules, tieBroadcast, Zeros::ofAll, {"Add", "Sub", "Min", "Max", "Sum", "Mean", "BitwiseOr", "BitwiseXor"});
  add(rules, tieBroadcast, Zeros::ofAny, {"Mul", "And", "BitwiseAnd"});
  add(rules, tieBroadcast, Zeros::never,
      {"Div", "Pow", "Mod", "PRelu", "Where", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Or", "Xor",
       "BitShift"});
  add(rules, tieUnary, Zeros::passed,
      {"Abs",  "Asin",  "Asinh", "Atan",      "Atanh",    "Cast",      "Ceil",  "Celu", "Dropout", "Elu",
       "Erf",  "Floor", "Gelu",  "HardSwish", "Identity", "LeakyRelu", "Mish",  "Neg",  "Relu",    "Round",
       "Selu", "Sign",  "Sin",   "Sinh",      "Softsign", "Sqrt",      "Swish", "Tan",  "Tanh",    "ThresholdedRelu"});
  add(rules, tieUnary, Zeros::never,
      {"Acos", "Acosh", "BitwiseNot", "Cos", "Cosh", "Exp", "HardSigmoid", "IsInf", "IsNaN", "Log", "Not", "Reciprocal",
       "Shrink", "Sigmoid", "Softplus"});
  add(rules, tieUnary, Zeros::clipped, {"Clip"});
  add(rules, tieQuantize, Zeros::passed, {"QuantizeLinear", "DequantizeLinear"});
  add(rules, tieBroadcast, Zeros::passed, {"Gelu", "QuickGelu"}, "com.microsoft");
  add(rules, tieBroadcast, Zeros::ofAll, {"BiasGelu", "FastGelu"}, "com.microsoft");
  return rules;
}

}  // namespace compress
