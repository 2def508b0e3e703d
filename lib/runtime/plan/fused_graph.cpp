// Making the private copy: concrete types, constants evaluated, observed values kept; and how nodes are absorbed.
#include "lib/runtime/plan/fused_graph.h"

#include <algorithm>
#include <array>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/ops/evaluate.h"
#include "lib/ops/infer_types.h"
#include "lib/ops/lowering.h"
#include "lib/runtime/plan/branches.h"

namespace compress {
namespace {

using Kind = PostOp::Kind;

/// Outputs of these differ from run to run, so that nodes without inputs are no constants.
bool isRandom(const Node& node) {
  return node.op.starts_with("Random") || node.op == "Bernoulli" || node.op == "Multinomial";
}

void requirePresent(ValueId id) {
  if (!id) throw Error(ErrorKind::input, "an operator lacks an input or an output that it needs");
}

bool isFoldable(const Graph& graph, const Node& node, bool keepDequantize) {
  if (isRandom(node) || node.captureCount > 0 || (keepDequantize && node.is("DequantizeLinear"))) return false;
  return std::ranges::all_of(node.inputs, [&](ValueId input) { return !input || graph.constant(input) != nullptr; });
}

}  // namespace

bool isBinary(PostOp::Kind kind) {
  return kind >= Kind::add;
}

std::string_view nameOf(PostOp::Kind kind) {
  static constexpr std::array<std::string_view, 37> kNames = {
      "relu",       "leakyRelu", "clip",       "sigmoid", "tanh",     "silu",  "hardSwish", "hardSigmoid",
      "elu",        "geluErf",   "geluTanh",   "mish",    "softplus", "exp",   "log",       "sqrt",
      "reciprocal", "abs",       "neg",        "floor",   "ceil",     "round", "erf",       "sin",
      "cos",        "sign",      "square",     "power",   "linear",   "add",   "sub",       "reverseSub",
      "mul",        "div",       "reverseDiv", "min",     "max"};
  const size_t index = static_cast<size_t>(kind);
  return index < kNames.size() ? kNames[index] : "prelu";
}

FusedGraph::FusedGraph(const Graph& source, std::span<const Type> inputTypes, std::span<const ValueId> observed)
    : graph(source) {
  const std::vector<ValueId> inputs = graph.runtimeInputs();
  if (inputs.size() != inputTypes.size())
    throw Error(ErrorKind::bug, text(inputTypes.size(), " input types for ", inputs.size(), " inputs"));
  std::map<ValueId, Type> types;
  for (size_t i = 0; i < inputs.size(); ++i) types[inputs[i]] = inputTypes[i];
  for (ValueId id : observed) graph.addOutput(id);
  Inferred inferred = inferTypes(graph, types);
  while (inlineBranches(graph, inferred.known) + lowerAll(graph, inferred.types) > 0)
    inferred = inferTypes(graph, types);
  for (ValueId id : graph.values()) {
    const size_t index = static_cast<size_t>(id.index);
    if (index < inferred.types.size()) graph.setType(id, inferred.types[index]);
    if (index < inferred.known.size() && inferred.known[index] && graph.producer(id)) {
      const NodeId node = graph.producer(id);
      if (graph.node(node).outputs.size() == 1 && !graph.node(node).is("DequantizeLinear")) {
        graph.erase(node);
        graph.setConstant(id, *inferred.known[index]);
      }
    }
  }
  foldConstants(true);
  graph.eraseDead();
}

const Fused& FusedGraph::fused(NodeId id) const {
  static const Fused kNothing;
  const auto found = fused_.find(id);
  return found == fused_.end() ? kNothing : found->second;
}

DType FusedGraph::dtype(ValueId id) const {
  requirePresent(id);
  return graph.value(id).type.dtype;
}

Shape FusedGraph::shape(ValueId id) const {
  requirePresent(id);
  const std::optional<Shape> known = graph.value(id).type.shape();
  if (!known) throw Error(ErrorKind::bug, text("value '", graph.value(id).name, "' has no concrete shape"));
  return *known;
}

bool FusedGraph::isStatic() const {
  return std::ranges::all_of(graph.values(), [&](ValueId id) {
    const Type& type = graph.value(id).type;
    return graph.value(id).constant ||
           (type.isTensor() && type.dtype != DType::undefined && type.dtype != DType::string && type.shape());
  });
}

std::optional<NodeId> FusedGraph::onlyReader(ValueId id) const {
  const std::optional<Use> use = graph.onlyUse(id);
  return use ? std::optional(use->node) : std::nullopt;
}

int64_t FusedGraph::foldConstants(bool keepDequantize) {
  int64_t removed = 0;
  for (NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (!node.domain.empty() || !isFoldable(graph, node, keepDequantize)) continue;
    std::vector<Tensor> inputs;
    for (ValueId input : node.inputs) inputs.push_back(input ? *graph.constant(input) : Tensor());
    const std::vector<ValueId> outputs = node.outputs;
    const std::vector<Tensor> results = evaluate(graph, node, inputs);
    if (std::ranges::any_of(results, &Tensor::isList)) continue;
    graph.erase(id);
    for (size_t i = 0; i < outputs.size(); ++i)
      if (outputs[i]) {
        graph.setType(outputs[i], Type::tensor(results[i].dtype(), results[i].shape()));
        graph.setConstant(outputs[i], results[i]);
      }
    ++removed;
  }
  return removed;
}

void FusedGraph::absorb(NodeId node, NodeId follower) {
  const Node gone = graph.node(follower);
  Fused& notes = fused_[node];
  notes.names.push_back(gone.name.empty() ? gone.op : gone.name);
  const Fused& more = std::as_const(*this).fused(follower);
  notes.names.insert(notes.names.end(), more.names.begin(), more.names.end());
  graph.erase(follower);
  std::vector<ValueId> outputs = graph.node(node).outputs;
  outputs[0] = gone.outputs[0];
  graph.setOutputs(node, outputs);
  fused_.erase(follower);
}

void FusedGraph::absorbBefore(NodeId node, NodeId predecessor) {
  const Node gone = graph.node(predecessor);
  Fused& notes = fused_[node];
  notes.names.insert(notes.names.begin(), gone.name.empty() ? gone.op : gone.name);
  const bool isUsed = std::ranges::any_of(
      gone.outputs, [&](ValueId output) { return output && (graph.isOutput(output) || !graph.uses(output).empty()); });
  if (isUsed) return;
  graph.erase(predecessor);
  fused_.erase(predecessor);
}

}  // namespace compress
