// The rule table: which operators become integer, under which conditions, and how their inputs and outputs are
// quantized. It drives Q/DQ insertion; a test builds the smallest model of each rule and compares with what ONNX
// Runtime makes of it.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "lib/ops/infer_types.h"

namespace compress {

enum class QuantizeKind {
  weighted,    ///< constant int8 weight on input 1, int32 bias on input 2; always worth it
  arithmetic,  ///< integer when every operand is integer already; own range on the output
  pool,        ///< integer when its input is and its output is wanted; own range on the output
  movement,    ///< output has its input's scale and zero point; integer when its output is wanted
  join,        ///< like movement, with several inputs that share one encoding
};

/// What a condition sees.
struct RuleContext {
  const Graph& graph;
  const Inferred& inferred;
  NodeId node;

  const Node& at() const { return graph.node(node); }
  const Type& type(ValueId id) const { return inferred.types[static_cast<size_t>(id.index)]; }
};

struct QuantizeRule {
  std::string_view op;
  QuantizeKind kind;
  bool needsOutput;          ///< no integer kernel without a Q on the output
  bool absorbsClamp;         ///< a Relu or Clip behind it goes into the Q
  std::string_view becomes;  ///< in ONNX Runtime's optimised graph
  /// Why the node stays float; empty when it need not.
  std::string (*blocked)(const RuleContext&);
};

/// Rules of `target` ("portable" or "ort-x86").
std::span<const QuantizeRule> quantizeRules(std::string_view target);
/// Null when the operator has no rule.
const QuantizeRule* findRule(std::string_view target, const Node& node);
/// Why an operator without a rule stays float.
std::string reasonWithoutRule(const Node& node);
/// `axis` of the output channels of the weight (input 1) of a weighted node.
int64_t weightAxis(const Node& node);

}  // namespace compress
