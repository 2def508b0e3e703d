// What fusions work on: a private copy of the graph with concrete types, whose nodes may do several operators' work.
// The Model is never edited. Graph outputs and observed values are all outputs of the copy, so that no fusion hides
// them.
#pragma once
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "lib/ir/graph.h"

namespace compress {

/// Domain of the operators that only plans know (Elementwise, StridedConcat, quantized kernels ...).
constexpr const char* kPlanDomain = "compress.plan";

/// One operation on every element `x` of a result, in the order of Fused::post, before it is stored.
struct PostOp {
  enum class Kind {
    relu,
    leakyRelu,
    clip,
    sigmoid,
    tanh,
    silu,
    hardSwish,
    hardSigmoid,
    elu,
    geluErf,
    geluTanh,
    mish,
    softplus,
    exp,
    log,
    sqrt,
    reciprocal,
    abs,
    neg,
    floor,
    ceil,
    round,
    erf,
    sin,
    cos,
    sign,
    square,
    power,
    linear,
    add,
    sub,
    reverseSub,
    mul,
    div,
    reverseDiv,
    min,
    max,
    prelu,
  };
  Kind kind;
  float alpha = 0;   ///< leakyRelu, elu: slope; clip: lower bound; hardSigmoid: slope; linear: factor; power: exponent
  float beta = 0;    ///< clip: upper bound; hardSigmoid, linear: offset
  size_t input = 0;  ///< add .. prelu: the node input that is the other operand, broadcast to the result
};
bool isBinary(PostOp::Kind kind);
std::string_view nameOf(PostOp::Kind kind);

/// What a node of a FusedGraph does beyond its operator.
struct Fused {
  std::vector<PostOp> post;
  std::vector<std::string> names;  ///< of the other nodes of the model that it stands for, in order
};

class FusedGraph {
 public:
  /// Types for every value (from `inputTypes`, one per runtimeInputs()), bodies of If put in the node's place where the
  /// condition is known, ops that are others in disguise lowered, constant subgraphs evaluated except DequantizeLinear
  /// of constants, dead nodes dropped, `observed` appended to the outputs.
  FusedGraph(const Graph& source, std::span<const Type> inputTypes, std::span<const ValueId> observed);

  Graph graph;  ///< every live value has its type; private operators are in kPlanDomain

  const Fused& fused(NodeId id) const;
  Fused& fused(NodeId id) { return fused_[id]; }
  /// Throws Error(input) for kNoValue: an operator lacks an input that it needs.
  DType dtype(ValueId id) const;
  /// The same, and Error(bug) for a value whose shape is not known: see isStatic().
  Shape shape(ValueId id) const;
  /// Does every live value have a dtype and a concrete shape? If not, the plan is cut in segments.
  bool isStatic() const;
  bool isConstant(ValueId id) const { return id && graph.constant(id) != nullptr; }
  /// The only node that reads the value, when it reads it once and the value is no output.
  std::optional<NodeId> onlyReader(ValueId id) const;

  /// Evaluates what depends on constants alone; `keepDequantize` leaves DequantizeLinear. The count of removed nodes.
  int64_t foldConstants(bool keepDequantize);
  /// `follower`, whose input comes from `node`, becomes part of `node`: its first output becomes the node's output 0,
  /// its name and fused names are noted, and it is erased. Inputs and post-operations are the caller's business.
  void absorb(NodeId node, NodeId follower);
  /// Same, for a node before `node` (Pad into Conv): notes its name and erases it when nothing else reads its outputs.
  void absorbBefore(NodeId node, NodeId predecessor);

 private:
  std::map<NodeId, Fused> fused_;
};

/// A rewriting of the fused graph, switched off by its name in CompileOptions::disabledFusions.
struct Fusion {
  /// quantized: before DequantizeLinear of constants is evaluated; operators: on ONNX's operators; chains: on plan
  /// operator Elementwise, that elementwise operators have become by then.
  enum class Stage { quantized, operators, chains };
  Stage stage;
  std::string_view name;
  std::string_view doc;                 ///< one line: pattern -> result
  int64_t (*apply)(FusedGraph& graph);  ///< the count of changes
};

/// All fusions, in the order in which they run (stage by stage).
std::span<const Fusion> allFusions();
/// Runs all but those named in `disabled`; how often each one changed something, in the order of allFusions(). Throws
/// Error(usage) for a name that is not a fusion's, with near names.
std::vector<int64_t> fuse(FusedGraph& graph, const std::set<std::string>& disabled);

}  // namespace compress
