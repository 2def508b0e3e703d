// sparse-product: a Conv of window 1, or plan operator Gemm, whose constant weights are mostly zero becomes plan operator
// SparseProduct. Attribute `walk` says how its weights are packed (SparseForm::Walk), `work` how long it takes, in
// multiply-adds of the dense product; inputs and post-operations stay.
#include <algorithm>

#include "lib/ops/window.h"
#include "lib/runtime/plan/patterns.h"
#include "lib/runtime/plan/sparse.h"

namespace compress {
namespace {

/// Window 1 on every axis, one group, nothing padded.
bool isPointwise(const FusedGraph& graph, const Node& conv) {
  const Shape weights = graph.shape(conv.inputs[1]);
  const Shape input = graph.shape(conv.inputs[0]);
  if (conv.attributes.integer("group", 1) != 1 || weights.count(2, weights.rank()) != 1) return false;
  Window window = windowOf(conv, {weights.dims().begin() + 2, weights.dims().end()});
  resolvePads(window, {input.dims().begin() + 2, input.dims().end()});
  const auto isZero = [](int64_t pad) { return pad == 0; };
  return std::ranges::all_of(window.padsBegin, isZero) && std::ranges::all_of(window.padsEnd, isZero);
}

std::optional<ProductShape> productShape(const FusedGraph& graph, NodeId id) {
  const Node& node = graph.graph.node(id);
  if (!takesPostOps(graph, id) || graph.dtype(node.outputs[0]) != DType::f32) return std::nullopt;
  const Shape weights = graph.shape(node.inputs[1]);
  const Shape output = graph.shape(node.outputs[0]);
  if (node.domain == kPlanDomain)
    return ProductShape{output.elementCount() / std::max<int64_t>(weights[1], 1), weights[0], weights[1], true};
  if (!isPointwise(graph, node)) return std::nullopt;
  return ProductShape{output.elementCount() / weights[0], weights[1], weights[0], false};
}

}  // namespace

int64_t fuseSparse(FusedGraph& graph) {
  int64_t changes = 0;
  for (const NodeId id : graph.graph.order()) {
    const std::optional<ProductShape> shape = productShape(graph, id);
    if (!shape) continue;
    const Tensor& weights = *graph.graph.constant(graph.graph.node(id).inputs[1]);
    if (weights.dtype() != DType::f32) continue;
    const std::optional<SparseForm> form = findSparseForm(*shape, weights.as<float>());
    if (!form) continue;
    graph.graph.setOp(id, "SparseProduct", kPlanDomain);
    graph.graph.setAttribute(id, "walk", static_cast<int64_t>(form->walk));
    graph.graph.setAttribute(id, "work", form->work);
    ++changes;
  }
  return changes;
}

}  // namespace compress
