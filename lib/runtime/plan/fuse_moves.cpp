// pad: a Pad of zeros goes into the Conv or AveragePool behind it. transpose-pair: two Transposes become one or none.
#include <algorithm>

#include "lib/runtime/plan/patterns.h"

namespace compress {
namespace {

/// Pads of the spatial axes (begins, then ends) of a Pad with zeros; nothing when it does more.
std::optional<std::vector<int64_t>> spatialZeroPads(const FusedGraph& graph, const Node& pad) {
  const size_t rank = graph.shape(pad.inputs[0]).rank();
  if (!pad.is("Pad") || rank < 3 || pad.attributes.string("mode", "constant") != "constant" ||
      !graph.isConstant(pad.inputs[1]))
    return std::nullopt;
  if (pad.input(2) && scalarConstant(graph, pad.input(2)) != 0.F) return std::nullopt;
  if (pad.input(3)) return std::nullopt;
  const std::vector<int64_t> pads = toInts(*graph.graph.constant(pad.inputs[1]));
  if (pads.size() != 2 * rank || pads[0] != 0 || pads[1] != 0 || pads[rank] != 0 || pads[rank + 1] != 0)
    return std::nullopt;
  if (std::ranges::any_of(pads, [](int64_t value) { return value < 0; })) return std::nullopt;
  std::vector<int64_t> spatial(pads.begin() + 2, pads.begin() + static_cast<std::ptrdiff_t>(rank));
  spatial.insert(spatial.end(), pads.begin() + static_cast<std::ptrdiff_t>(rank) + 2, pads.end());
  return spatial;
}

bool takesPads(const Node& node) {
  if (node.attributes.string("auto_pad", "NOTSET") != "NOTSET") return false;
  if (node.is("Conv")) return true;
  const std::vector<int64_t> own = node.attributes.integers("pads");
  return node.is("AveragePool") && node.attributes.integer("ceil_mode", 0) == 0 &&
         std::ranges::all_of(own, [](int64_t pad) { return pad == 0; });
}

}  // namespace

int64_t fusePad(FusedGraph& graph) {
  int64_t changes = 0;
  for (const NodeId id : graph.graph.order()) {
    const Node& node = graph.graph.node(id);
    if (!takesPads(node)) continue;
    const NodeId producer = graph.graph.producer(node.inputs[0]);
    if (!producer || graph.onlyReader(node.inputs[0]) != id) continue;
    const auto added = spatialZeroPads(graph, graph.graph.node(producer));
    if (!added) continue;
    std::vector<int64_t> pads = node.attributes.integers("pads", std::vector<int64_t>(added->size(), 0));
    for (size_t i = 0; i < pads.size(); ++i) pads[i] += (*added)[i];
    const bool isPool = node.is("AveragePool");
    graph.graph.setAttribute(id, "pads", pads);
    if (isPool) graph.graph.setAttribute(id, "count_include_pad", int64_t{1});
    graph.graph.setInput(id, 0, graph.graph.node(producer).inputs[0]);
    graph.absorbBefore(id, producer);
    ++changes;
  }
  return changes;
}

int64_t fuseTransposePair(FusedGraph& graph) {
  int64_t changes = 0;
  for (const NodeId id : graph.graph.order()) {
    const Node& second = graph.graph.node(id);
    if (!second.is("Transpose")) continue;
    const NodeId producer = graph.graph.producer(second.inputs[0]);
    if (!producer || !graph.graph.node(producer).is("Transpose") || graph.onlyReader(second.inputs[0]) != id) continue;
    const Node& first = graph.graph.node(producer);
    std::vector<int64_t> reversed;
    for (size_t i = graph.shape(first.inputs[0]).rank(); i-- > 0;) reversed.push_back(static_cast<int64_t>(i));
    const std::vector<int64_t> a = first.attributes.integers("perm", reversed);
    const std::vector<int64_t> b = second.attributes.integers("perm", reversed);
    std::vector<int64_t> both;
    for (const int64_t axis : b) both.push_back(a[static_cast<size_t>(axis)]);
    graph.graph.setAttribute(id, "perm", both);
    graph.graph.setInput(id, 0, first.inputs[0]);
    graph.absorbBefore(id, producer);
    ++changes;
  }
  return changes;
}

}  // namespace compress
