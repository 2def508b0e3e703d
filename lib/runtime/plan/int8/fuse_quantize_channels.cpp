// A QuantizeLinear of [N, C, H, W] floats whose channels are strided views of one other tensor reads them there:
//   images -> 4 x Slice(step 2 on H and W) -> Concat -> QuantizeLinear      (or SpaceToDepth -> Gather ->
//   QuantizeLinear)
// becomes QuantizeChannels(images) with one offset per channel and common row and column strides.
#include <algorithm>

#include "lib/runtime/plan/fusions.h"
#include "lib/runtime/plan/int8/patterns.h"

namespace compress::int8 {
namespace {

/// Element (n, c, h, w) is element n*image + offsets[c] + h*row + w*column of the plain tensor `root`.
struct View {
  ValueId root;
  int64_t image = 0, row = 0, column = 1;
  std::vector<int64_t> offsets;
  std::vector<NodeId> nodes;
};

View whole(ValueId value, const Shape& shape) {
  View view{value, shape.count(1, 4), shape[3], 1, {}, {}};
  for (int64_t c = 0; c < shape[1]; ++c) view.offsets.push_back(c * shape[2] * shape[3]);
  return view;
}

std::optional<View> viewOf(const FusedGraph& graph, ValueId value);

std::optional<std::vector<int64_t>> constantInts(const FusedGraph& graph, ValueId value) {
  const Tensor* constant = value ? graph.graph.constant(value) : nullptr;
  if (!constant) return std::nullopt;
  return toInts(*constant);
}

std::optional<View> sliceOf(const FusedGraph& graph, const Node& node) {
  std::optional<View> view = viewOf(graph, node.inputs[0]);
  const auto starts = constantInts(graph, node.input(1)), axes = constantInts(graph, node.input(3));
  const auto steps =
      node.input(4) ? constantInts(graph, node.input(4)) : std::vector<int64_t>(starts ? starts->size() : 0, 1);
  if (!view || !starts || !axes || !steps) return std::nullopt;
  const Shape in = graph.shape(node.inputs[0]), out = graph.shape(node.outputs[0]);
  for (size_t i = 0; i < axes->size(); ++i) {
    const size_t axis = normalizedAxis((*axes)[i], 4);
    const int64_t step = (*steps)[i];
    if (step < 1 || axis == 0) return std::nullopt;
    const int64_t start = std::clamp<int64_t>((*starts)[i] < 0 ? (*starts)[i] + in[axis] : (*starts)[i], 0, in[axis]);
    if (axis == 1) {
      std::vector<int64_t> kept;
      for (int64_t c = 0; c < out[1]; ++c) kept.push_back(view->offsets.at(static_cast<size_t>(start + c * step)));
      view->offsets = kept;
      continue;
    }
    int64_t& stride = axis == 2 ? view->row : view->column;
    for (int64_t& offset : view->offsets) offset += start * stride;
    stride *= step;
  }
  return view;
}

std::optional<View> concatOf(const FusedGraph& graph, const Node& node) {
  if (normalizedAxis(node.attributes.integer("axis", 0), 4) != 1) return std::nullopt;
  std::optional<View> all;
  for (const ValueId input : node.inputs) {
    const std::optional<View> view = viewOf(graph, input);
    if (!view) return std::nullopt;
    if (!all) {
      all = view;
      continue;
    }
    if (!(view->root == all->root) || view->row != all->row || view->column != all->column || view->image != all->image)
      return std::nullopt;
    all->offsets.insert(all->offsets.end(), view->offsets.begin(), view->offsets.end());
    all->nodes.insert(all->nodes.end(), view->nodes.begin(), view->nodes.end());
  }
  return all;
}

std::optional<View> spaceToDepthOf(const FusedGraph& graph, const Node& node) {
  std::optional<View> view = viewOf(graph, node.inputs[0]);
  if (!view) return std::nullopt;
  const int64_t block = node.attributes.integer("blocksize", 1);
  const std::vector<int64_t> before = view->offsets;
  view->offsets.clear();
  for (int64_t h = 0; h < block; ++h)
    for (int64_t w = 0; w < block; ++w)
      for (const int64_t offset : before) view->offsets.push_back(offset + h * view->row + w * view->column);
  view->row *= block;
  view->column *= block;
  return view;
}

std::optional<View> gatherOf(const FusedGraph& graph, const Node& node) {
  std::optional<View> view = viewOf(graph, node.inputs[0]);
  const auto indices = constantInts(graph, node.input(1));
  if (!view || !indices || graph.shape(node.inputs[1]).rank() != 1 ||
      normalizedAxis(node.attributes.integer("axis", 0), 4) != 1)
    return std::nullopt;
  std::vector<int64_t> kept;
  for (const int64_t index : *indices)
    kept.push_back(
        view->offsets.at(static_cast<size_t>(index < 0 ? index + static_cast<int64_t>(view->offsets.size()) : index)));
  view->offsets = kept;
  return view;
}

std::optional<View> viewOf(const FusedGraph& graph, ValueId value) {
  const Shape shape = graph.shape(value);
  if (shape.rank() != 4) return std::nullopt;
  const NodeId id = graph.graph.producer(value);
  std::optional<View> view;
  if (id) {
    const Node& node = graph.graph.node(id);
    if (graph.shape(node.input(0) ? node.inputs[0] : value).rank() != 4) return whole(value, shape);
    if (node.is("Slice"))
      view = sliceOf(graph, node);
    else if (node.is("Concat"))
      view = concatOf(graph, node);
    else if (node.is("SpaceToDepth"))
      view = spaceToDepthOf(graph, node);
    else if (node.is("Gather"))
      view = gatherOf(graph, node);
  }
  if (!view) return whole(value, shape);
  view->nodes.push_back(id);
  return view;
}

}  // namespace

int64_t fuseQuantizeChannels(FusedGraph& graph) {
  int64_t count = 0;
  for (const NodeId id : graph.graph.order()) {
    const std::optional<Quantization> q = graph.graph.isAlive(id) ? quantizerOf(graph, id) : std::nullopt;
    if (!q) continue;
    const Node& node = graph.graph.node(id);
    const std::optional<View> view = viewOf(graph, node.inputs[0]);
    if (!view || view->nodes.empty()) continue;
    Node made;
    made.op = "QuantizeChannels";
    made.domain = kPlanDomain;
    made.name = displayNameOf(graph, id);
    made.inputs = {view->root};
    made.attributes.set("offsets", view->offsets);
    made.attributes.set("strides", std::vector<int64_t>{view->image, view->row, view->column});
    setQuantization(made.attributes, "y", *q);
    replaceNode(graph, id, std::move(made), view->nodes);
    ++count;
  }
  graph.graph.eraseDead();
  return count;
}

}  // namespace compress::int8
