// The plan of a quantization, found by walking the rule table over a graph: which nodes become integer, which tensors
// get a Q and a DQ, and which of those share one encoding. Nothing is edited.
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "lib/pass/pass.h"
#include "passes/quantize/rules.h"

namespace compress {

/// A node that becomes integer.
struct PlannedNode {
  NodeId node;
  const QuantizeRule* rule;
  NodeId clamp;    ///< a Relu or Clip behind it that its output's Q makes redundant; none
  ValueId output;  ///< what the Q stands behind: the node's output, or the clamp's; none where it stays float
};

/// A tensor that gets a Q and a DQ.
struct PlannedTensor {
  ValueId value;
  bool fromInteger;               ///< computed by an integer node: all its readers see the DQ
  std::optional<float> clampMax;  ///< it comes out of a clamp [0, clampMax]; infinity for a Relu
  size_t group;                   ///< index in QuantizePlan::groups
};

struct QuantizePlan {
  std::vector<PlannedNode> nodes;      ///< in topological order
  std::vector<PlannedTensor> tensors;  ///< in topological order
  /// Tensors (by index) that share an encoding. The first ones are its sources: their values make the range.
  struct Group {
    std::vector<size_t> tensors;
    std::vector<size_t> sources;
  };
  std::vector<Group> groups;
  std::vector<Skipped> skipped;

  /// Index in `tensors`, or nothing.
  std::optional<size_t> findTensor(ValueId value) const;
};

struct PlanOptions {
  std::string target;
  /// Why the user keeps this node float; empty where he does not.
  std::function<std::string(NodeId)> excluded;
};

QuantizePlan planQuantization(const Graph& graph, const Inferred& inferred, const PlanOptions& options);

/// Is it a DequantizeLinear/QuantizeLinear network already, or one of integer operators?
bool isQuantized(const Graph& graph);

}  // namespace compress
