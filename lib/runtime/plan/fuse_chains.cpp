// elementwise-chain: an Elementwise node behind another becomes part of it.
// post-activation, post-residual: an Elementwise node behind a Conv or Gemm becomes its post-operations, without or
// with other tensors.
#include <algorithm>
#include <functional>

#include "lib/runtime/plan/patterns.h"

namespace compress {
namespace {

using Kind = PostOp::Kind;

/// What kernels of Conv and Gemm do to a result on its way out faster than a pass of its own would. Sigmoid and SiLU
/// are not among them: oneDNN's take twice the time of the vector loops (6.5 against 3.2 ns per 16 elements, AVX-512),
/// which work in the Conv's own buffer.
bool isCheapPostOp(Kind kind) {
  switch (kind) {
    case Kind::relu:
    case Kind::leakyRelu:
    case Kind::clip:
    case Kind::tanh:
    case Kind::hardSwish:
    case Kind::elu:
    case Kind::geluErf:
    case Kind::geluTanh:
    case Kind::linear:
    case Kind::hardSigmoid:
    case Kind::add:
    case Kind::mul:
      return true;
    default:
      return false;
  }
}

/// Operations that oneDNN does by the same algorithm. oneDNN 2.6 gives the second of a pair the parameters of the
/// first.
Kind familyOf(Kind kind) {
  switch (kind) {
    case Kind::leakyRelu:
      return Kind::relu;
    case Kind::clip:
    case Kind::hardSigmoid:
      return Kind::linear;
    default:
      return kind;
  }
}

bool hasFamily(const std::vector<PostOp>& post, size_t count, Kind kind) {
  return std::any_of(post.begin(), post.begin() + static_cast<std::ptrdiff_t>(count),
                     [&](const PostOp& op) { return familyOf(op.kind) == familyOf(kind); });
}

/// Is every family there once? Tensors may be added and multiplied any number of times.
bool hasDistinctFamilies(const std::vector<PostOp>& before, const std::vector<PostOp>& post) {
  for (size_t i = 0; i < post.size(); ++i)
    if (!isBinary(post[i].kind) && (hasFamily(before, before.size(), post[i].kind) || hasFamily(post, i, post[i].kind)))
      return false;
  return true;
}

/// As large as the result, or one element per channel.
bool isPostOperand(const FusedGraph& graph, ValueId operand, const Shape& whole) {
  const Shape shape = graph.shape(operand);
  if (shape == whole) return true;
  return shape.rank() == whole.rank() && shape[0] == 1 && shape[1] == whole[1] && shape.elementCount() == whole[1];
}

bool fitsBehind(const FusedGraph& graph, NodeId base, NodeId elementwise, bool withTensors) {
  const Node& node = graph.graph.node(elementwise);
  const std::vector<PostOp>& post = graph.fused(elementwise).post;
  const Shape whole = graph.shape(node.outputs[0]);
  const bool hasTensors = std::ranges::any_of(post, [](const PostOp& op) { return isBinary(op.kind); });
  if (!hasDistinctFamilies(graph.fused(base).post, post)) return false;
  if (hasTensors != withTensors || (hasTensors && !graph.graph.node(base).is("Conv"))) return false;
  if (graph.fused(base).post.size() + post.size() > kMaxPostOps ||
      !(graph.shape(graph.graph.node(base).outputs[0]) == whole))
    return false;
  return std::ranges::all_of(post, [&](const PostOp& op) {
    return isCheapPostOp(op.kind) && (!isBinary(op.kind) || isPostOperand(graph, node.inputs[op.input], whole));
  });
}

/// Position of each node in the order of execution.
std::map<NodeId, size_t> positions(const Graph& graph) {
  std::map<NodeId, size_t> result;
  for (const NodeId id : graph.order()) result.emplace(id, result.size());
  return result;
}

/// Inputs of an Elementwise node that come from nodes taking post-operations and are read by it alone; the latest such
/// node first, since what it adds exists when it runs.
std::vector<size_t> findBaseInputs(const FusedGraph& graph, NodeId id, const std::map<NodeId, size_t>& position) {
  const Node& node = graph.graph.node(id);
  std::vector<size_t> inputs;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const NodeId producer = graph.graph.producer(node.inputs[i]);
    if (producer && takesPostOps(graph, producer) && graph.onlyReader(node.inputs[i]) == id) inputs.push_back(i);
  }
  std::ranges::stable_sort(inputs, std::greater<>(),
                           [&](size_t i) { return position.at(graph.graph.producer(node.inputs[i])); });
  return inputs;
}

int64_t fuseBehindBases(FusedGraph& graph, bool withTensors) {
  int64_t changes = 0;
  const std::map<NodeId, size_t> position = positions(graph.graph);
  for (const NodeId id : graph.graph.order()) {
    if (!graph.graph.isAlive(id) || !isElementwise(graph.graph.node(id))) continue;
    for (const size_t input : findBaseInputs(graph, id, position)) {
      const NodeId base = graph.graph.producer(graph.graph.node(id).inputs[input]);
      if (!makeFirst(graph, id, input) || !fitsBehind(graph, base, id, withTensors)) continue;
      appendElementwise(graph, base, id);
      ++changes;
      break;
    }
  }
  return changes;
}

/// The input that comes from an Elementwise node which nothing else reads, and has the result's shape.
std::optional<size_t> findChainInput(const FusedGraph& graph, NodeId id) {
  const Node& node = graph.graph.node(id);
  const Shape whole = graph.shape(node.outputs[0]);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const NodeId producer = graph.graph.producer(node.inputs[i]);
    if (!producer || !isElementwise(graph.graph.node(producer)) || graph.onlyReader(node.inputs[i]) != id) continue;
    if (!(graph.shape(node.inputs[i]) == whole)) continue;
    if (graph.fused(producer).post.size() + graph.fused(id).post.size() <= kMaxPostOps) return i;
  }
  return std::nullopt;
}

}  // namespace

int64_t fuseElementwiseChains(FusedGraph& graph) {
  int64_t changes = 0;
  for (const NodeId id : graph.graph.order()) {
    if (!graph.graph.isAlive(id) || !isElementwise(graph.graph.node(id))) continue;
    const std::optional<size_t> input = findChainInput(graph, id);
    if (!input || !makeFirst(graph, id, *input)) continue;
    const NodeId base = graph.graph.producer(graph.graph.node(id).inputs[0]);
    appendElementwise(graph, base, id);
    ++changes;
  }
  return changes;
}

int64_t fusePostActivation(FusedGraph& graph) {
  return fuseBehindBases(graph, false);
}
int64_t fusePostResidual(FusedGraph& graph) {
  return fuseBehindBases(graph, true);
}

}  // namespace compress
