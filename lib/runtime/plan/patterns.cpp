// Questions and edits that several fusions share.
#include "lib/runtime/plan/patterns.h"

#include <algorithm>

namespace compress {
namespace {

using Kind = PostOp::Kind;

std::optional<Kind> swapped(Kind kind) {
  switch (kind) {
    case Kind::add:
    case Kind::mul:
    case Kind::min:
    case Kind::max:
      return kind;
    case Kind::sub:
      return Kind::reverseSub;
    case Kind::reverseSub:
      return Kind::sub;
    case Kind::div:
      return Kind::reverseDiv;
    case Kind::reverseDiv:
      return Kind::div;
    default:
      return std::nullopt;
  }
}

}  // namespace

bool isElementwise(const Node& node) {
  return node.domain == kPlanDomain && node.op == "Elementwise";
}

bool takesPostOps(const FusedGraph& graph, NodeId id) {
  const Node& node = graph.graph.node(id);
  if (node.domain == kPlanDomain) return node.op == "Gemm";
  if (!node.is("Conv") || graph.dtype(node.inputs[0]) != DType::f32 || !graph.isConstant(node.inputs[1])) return false;
  if (node.input(2) && !graph.isConstant(node.input(2))) return false;
  const Shape shape = graph.shape(node.inputs[0]);
  return shape.rank() >= 3 && shape.rank() <= 5 && shape.elementCount() > 0 &&
         graph.shape(node.outputs[0]).elementCount() > 0;
}

std::optional<float> scalarConstant(const FusedGraph& graph, ValueId id) {
  if (!graph.isConstant(id) || graph.graph.constant(id)->elementCount() != 1) return std::nullopt;
  return toFloats(*graph.graph.constant(id))[0];
}

std::optional<std::vector<float>> channelConstant(const FusedGraph& graph, ValueId id, const Shape& whole) {
  if (!graph.isConstant(id) || whole.rank() < 2) return std::nullopt;
  const Tensor& tensor = *graph.graph.constant(id);
  const int64_t channels = whole[1];
  if (tensor.elementCount() == 1 && tensor.shape().rank() <= whole.rank())
    return std::vector<float>(static_cast<size_t>(channels), toFloats(tensor)[0]);
  const Shape& shape = tensor.shape();
  if (shape.rank() + 1 < whole.rank() || shape.rank() > whole.rank() || tensor.elementCount() != channels)
    return std::nullopt;
  if (shape[shape.rank() + 1 - whole.rank()] != channels) return std::nullopt;
  return toFloats(tensor);
}

ValueId addConstant(FusedGraph& graph, std::string_view name, Tensor tensor) {
  const Type type = Type::tensor(tensor.dtype(), tensor.shape());
  const ValueId id = graph.graph.addConstant(name, std::move(tensor));
  graph.graph.setType(id, type);
  return id;
}

void appendElementwise(FusedGraph& graph, NodeId base, NodeId follower) {
  std::vector<ValueId> inputs = graph.graph.node(base).inputs;
  if (!isElementwise(graph.graph.node(base))) inputs.resize(std::max<size_t>(inputs.size(), 3), kNoValue);
  const Node& node = graph.graph.node(follower);
  const size_t shift = inputs.size() - 1;
  inputs.insert(inputs.end(), node.inputs.begin() + 1, node.inputs.end());
  std::vector<PostOp> post = graph.fused(follower).post;
  for (PostOp& op : post)
    if (isBinary(op.kind)) op.input += shift;
  std::vector<PostOp>& all = graph.fused(base).post;
  all.insert(all.end(), post.begin(), post.end());
  graph.absorb(base, follower);
  graph.graph.setInputs(base, std::move(inputs));
}

bool makeFirst(FusedGraph& graph, NodeId elementwise, size_t wanted) {
  if (wanted == 0) return true;
  PostOp& first = graph.fused(elementwise).post.front();
  std::vector<ValueId> inputs = graph.graph.node(elementwise).inputs;
  const std::optional<Kind> other = isBinary(first.kind) ? swapped(first.kind) : std::nullopt;
  if (!other || first.input != wanted) return false;
  const Shape whole = graph.shape(graph.graph.node(elementwise).outputs[0]);
  if (!(graph.shape(inputs[0]) == whole) || !(graph.shape(inputs[wanted]) == whole)) return false;
  std::swap(inputs[0], inputs[wanted]);
  first.kind = *other;
  graph.graph.setInputs(elementwise, std::move(inputs));
  return true;
}

}  // namespace compress
