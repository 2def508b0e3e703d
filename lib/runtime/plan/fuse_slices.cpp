// strided-slices: chains of Slices, a Concat of them (YOLOX's Focus) and a Pad of zeros behind them (a residual
// network's shortcut) become plan operator StridedConcat: each input is read once, through a window of starts, steps
// and extents, into its place in the result.
#include <algorithm>

#include "lib/runtime/plan/patterns.h"

namespace compress {
namespace {

/// A part of `source`: element i along an axis is source element starts + i * steps.
struct Part {
  ValueId source;
  std::vector<int64_t> starts, steps, extents;
  std::vector<NodeId> slices;  ///< that it stands for, last one first
};

bool hasConstantParameters(const FusedGraph& graph, const Node& slice) {
  if (!slice.is("Slice")) return false;
  for (size_t i = 1; i < slice.inputs.size(); ++i)
    if (slice.inputs[i] && !graph.isConstant(slice.inputs[i])) return false;
  return graph.shape(slice.outputs[0]).elementCount() > 0;
}

/// Puts the window of `slice` before those that `part` holds already.
void prepend(const FusedGraph& graph, const Node& slice, Part& part) {
  const Shape whole = graph.shape(slice.inputs[0]);
  const std::vector<int64_t> starts = toInts(*graph.graph.constant(slice.inputs[1]));
  for (size_t i = 0; i < starts.size(); ++i) {
    const size_t axis =
        slice.input(3) ? normalizedAxis(toInts(*graph.graph.constant(slice.input(3)))[i], whole.rank()) : i;
    const int64_t step = slice.input(4) ? toInts(*graph.graph.constant(slice.input(4)))[i] : 1;
    const int64_t wrapped = starts[i] < 0 ? starts[i] + whole[axis] : starts[i];
    const int64_t start = std::clamp<int64_t>(wrapped, 0, step > 0 ? whole[axis] : whole[axis] - 1);
    part.starts[axis] = start + part.starts[axis] * step;
    part.steps[axis] *= step;
  }
}

/// Would nothing need the value, if Slices read what it was cut from?
bool isReadBySlices(const FusedGraph& graph, ValueId value) {
  return graph.onlyReader(value) ||
         (!graph.graph.isOutput(value) && std::ranges::all_of(graph.graph.uses(value), [&](const Use& use) {
           return use.index == 0 && hasConstantParameters(graph, graph.graph.node(use.node));
         }));
}

/// The value as a part of the value that its chain of Slices begins with; `throughShared`: also of Slices that several
/// Slices read.
Part partOf(const FusedGraph& graph, ValueId value, bool throughShared) {
  const Shape shape = graph.shape(value);
  Part part{value, std::vector<int64_t>(shape.rank(), 0), std::vector<int64_t>(shape.rank(), 1), shape.dims(), {}};
  while (true) {
    const NodeId producer = graph.graph.producer(part.source);
    if (!producer || !hasConstantParameters(graph, graph.graph.node(producer)) ||
        !(throughShared ? isReadBySlices(graph, part.source) : graph.onlyReader(part.source).has_value()))
      return part;
    prepend(graph, graph.graph.node(producer), part);
    part.slices.push_back(producer);
    part.source = graph.graph.node(producer).inputs[0];
  }
}

/// Parameters of all parts, one after the other, as attributes of StridedConcat.
void becomeStridedConcat(FusedGraph& graph, NodeId id, const std::vector<Part>& parts, int64_t axis,
                         const std::vector<int64_t>& before) {
  std::vector<ValueId> inputs;
  std::vector<int64_t> starts, steps, extents;
  for (const Part& part : parts) {
    inputs.push_back(part.source);
    starts.insert(starts.end(), part.starts.begin(), part.starts.end());
    steps.insert(steps.end(), part.steps.begin(), part.steps.end());
    extents.insert(extents.end(), part.extents.begin(), part.extents.end());
  }
  graph.graph.setOp(id, "StridedConcat", kPlanDomain);
  graph.graph.setInputs(id, inputs);
  graph.graph.setAttribute(id, "axis", axis);
  graph.graph.setAttribute(id, "starts", starts);
  graph.graph.setAttribute(id, "steps", steps);
  graph.graph.setAttribute(id, "extents", extents);
  graph.graph.setAttribute(id, "before", before);
  for (const Part& part : parts)
    for (const NodeId slice : part.slices)
      if (graph.graph.uses(graph.graph.node(slice).outputs[0]).empty()) graph.absorbBefore(id, slice);
}

bool isStrided(const Part& part) {
  return std::ranges::any_of(part.steps, [](int64_t step) { return step != 1; });
}

bool fuseConcat(FusedGraph& graph, NodeId id) {
  const Node& node = graph.graph.node(id);
  std::vector<Part> parts;
  for (const ValueId input : node.inputs) parts.push_back(partOf(graph, input, true));
  if (!std::ranges::any_of(parts, isStrided)) return false;
  const Shape whole = graph.shape(node.outputs[0]);
  const auto axis = static_cast<int64_t>(normalizedAxis(node.attributes.integer("axis", 0), whole.rank()));
  becomeStridedConcat(graph, id, parts, axis, std::vector<int64_t>(whole.rank(), 0));
  return true;
}

/// Begins of a Pad with zeros that only grows the tensor.
std::optional<std::vector<int64_t>> zeroPadBegins(const FusedGraph& graph, const Node& pad) {
  if (pad.attributes.string("mode", "constant") != "constant" || !graph.isConstant(pad.inputs[1]) || pad.input(3))
    return std::nullopt;
  if (pad.input(2) && scalarConstant(graph, pad.input(2)) != 0.F) return std::nullopt;
  std::vector<int64_t> pads = toInts(*graph.graph.constant(pad.inputs[1]));
  if (std::ranges::any_of(pads, [](int64_t value) { return value < 0; })) return std::nullopt;
  pads.resize(pads.size() / 2);
  return pads;
}

bool fusePadOfSlices(FusedGraph& graph, NodeId id) {
  const Node& node = graph.graph.node(id);
  const Part part = partOf(graph, node.inputs[0], true);
  if (part.slices.empty() || !isStrided(part)) return false;
  const auto before = zeroPadBegins(graph, node);
  if (!before) return false;
  becomeStridedConcat(graph, id, {part}, 0, *before);
  return true;
}

bool fuseSliceChain(FusedGraph& graph, NodeId id) {
  const Part part = partOf(graph, graph.graph.node(id).inputs[0], false);
  if (part.slices.empty()) return false;
  Part whole = part;
  const Node& node = graph.graph.node(id);
  const Shape result = graph.shape(node.outputs[0]);
  whole = Part{node.inputs[0],
               std::vector<int64_t>(result.rank(), 0),
               std::vector<int64_t>(result.rank(), 1),
               result.dims(),
               {}};
  prepend(graph, node, whole);
  for (const NodeId slice : part.slices) prepend(graph, graph.graph.node(slice), whole);
  whole.slices = part.slices;
  whole.source = part.source;
  becomeStridedConcat(graph, id, {whole}, 0, std::vector<int64_t>(result.rank(), 0));
  return true;
}

bool isCopyable(const FusedGraph& graph, ValueId value) {
  const int bits = bitsOf(graph.dtype(value));
  return bits == 8 || bits == 16 || bits == 32 || bits == 64;
}

}  // namespace

int64_t fuseStridedSlices(FusedGraph& graph) {
  int64_t changes = 0;
  std::vector<NodeId> order = graph.graph.order();
  std::ranges::reverse(order);
  for (const NodeId id : order) {
    if (!graph.graph.isAlive(id)) continue;
    const Node& node = graph.graph.node(id);
    if (!node.domain.empty() || node.outputs.empty() || !node.outputs[0] || !isCopyable(graph, node.outputs[0]))
      continue;
    if (graph.shape(node.outputs[0]).elementCount() == 0) continue;
    if (node.is("Concat"))
      changes += fuseConcat(graph, id);
    else if (node.is("Pad"))
      changes += fusePadOfSlices(graph, id);
    else if (hasConstantParameters(graph, node))
      changes += fuseSliceChain(graph, id);
  }
  return changes;
}

}  // namespace compress
