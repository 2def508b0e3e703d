// fuse-pad: zeros that a Pad puts round a picture become the padding of the Conv or pool behind it.
//
//   before: p = Pad[pads = 0,0,1,1,0,0,1,1](x); y = Conv(p, w)        after: y = Conv[pads = 1,1,1,1](x, w)
//
// Needs: mode constant, constant pads >= 0 on spatial axes only, no other reader, a Conv or pool with explicit padding
// (auto_pad NOTSET or VALID) and known rank. AveragePool takes them by count_include_pad = 1, so its own padding must
// be none or counted already, and ceil_mode 0. MaxPool pads with -infinity: it takes zeros only behind a Relu and where
// every window meets the picture (pads below the kernel's extent). Leaves alone: other values, other modes.
#include <algorithm>

#include "passes/catalog.h"
#include "passes/edit.h"

namespace compress {
namespace {

/// Padding of the spatial axes, begins then ends.
using Pads = std::vector<int64_t>;

/// The spatial part of what a Pad of zeros adds; nothing for any other Pad.
std::optional<Pads> spatialZeros(const Graph& graph, const Node& node) {
  if (!node.is("Pad") || node.attributes.string("mode", "constant") != "constant" || node.input(3)) return std::nullopt;
  const auto pads = findIntegers(graph, node, "pads", 1);
  if (!pads || pads->size() % 2 != 0 || pads->size() < 6) return std::nullopt;
  if (node.attributes.real("value", 0) != 0) return std::nullopt;
  if (node.input(2) && findScalar(graph.constant(node.input(2))) != 0.0) return std::nullopt;
  if (std::ranges::any_of(*pads, [](int64_t amount) { return amount < 0; })) return std::nullopt;
  const size_t rank = pads->size() / 2;
  Pads spatial;
  for (size_t i = 0; i < pads->size(); ++i) {
    const bool isSpatial = i % rank >= 2;
    if (!isSpatial && (*pads)[i] != 0) return std::nullopt;
    if (isSpatial) spatial.push_back((*pads)[i]);
  }
  return spatial;
}

/// Own padding and that of the Pad together; nothing where the node's own is not explicit or of another rank.
std::optional<Pads> combined(const Node& node, const Pads& added) {
  const std::string automatic = node.attributes.string("auto_pad", "NOTSET");
  if (automatic != "NOTSET" && automatic != "VALID") return std::nullopt;
  Pads pads = automatic == "VALID" ? Pads{} : node.attributes.integers("pads");
  pads.resize(pads.empty() ? added.size() : pads.size(), 0);
  if (pads.size() != added.size()) return std::nullopt;
  std::ranges::transform(pads, added, pads.begin(), std::plus());
  return pads;
}

bool hasOwnPadding(const Node& node) {
  return std::ranges::any_of(node.attributes.integers("pads"), [](int64_t pad) { return pad != 0; });
}

/// Is every window of a pool with this padding at least in part inside the picture?
bool windowsMeetPicture(const Node& pool, const Pads& pads) {
  const std::vector<int64_t> kernel = pool.attributes.integers("kernel_shape");
  const std::vector<int64_t> dilations = pool.attributes.integers("dilations", std::vector<int64_t>(kernel.size(), 1));
  if (kernel.size() * 2 != pads.size() || dilations.size() != kernel.size()) return false;
  for (size_t i = 0; i < pads.size(); ++i)
    if (pads[i] >= kernel[i % kernel.size()] || dilations[i % kernel.size()] != 1) return false;
  return true;
}

bool isNotNegative(const Graph& graph, ValueId value) {
  const NodeId producer = graph.producer(value);
  return producer && graph.node(producer).is("Relu");
}

/// Can the padding go into `next`, which then has padding `pads` in all?
bool takesZeros(const Graph& graph, const Node& next, const Pads& pads, ValueId source) {
  if (next.is("Conv")) return true;
  if (next.attributes.integer("ceil_mode", 0) != 0 || !onlyFirstOutputUsed(graph, next)) return false;
  if (next.is("AveragePool"))
    return (!hasOwnPadding(next) || next.attributes.integer("count_include_pad", 0) != 0) &&
           windowsMeetPicture(next, pads);
  return next.is("MaxPool") && isNotNegative(graph, source) && windowsMeetPicture(next, pads);
}

bool fusePad(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const auto added = spatialZeros(graph, node);
  const auto use = added ? graph.onlyUse(node.outputs.at(0)) : std::nullopt;
  if (!use || use->index != 0) return false;
  const Node& next = graph.node(use->node);
  const ValueId source = node.inputs[0];
  const auto pads = combined(next, *added);
  if (!next.domain.empty() || !pads || !takesZeros(graph, next, *pads, source)) return false;
  const NodeId target = use->node;
  if (next.is("AveragePool")) graph.setAttribute(target, "count_include_pad", int64_t{1});
  graph.eraseAttribute(target, "auto_pad");
  graph.setAttribute(target, "pads", *pads);
  return bypass(graph, id, source);
}

int64_t fusePads(Graph& graph) {
  int64_t fused = 0;
  for (const NodeId id : graph.order())
    if (graph.isAlive(id) && fusePad(graph, id)) ++fused;
  return fused;
}

class FusePad : public Pass {
 public:
  int64_t run(Model& model, PassContext&) override { return editEachGraph(model.graph, fusePads); }
};

}  // namespace

PassSpec fusePadSpec() {
  return {.name = "fuse-pad",
          .summary = "let the Conv or pool behind a Pad of zeros do the padding",
          .make = []() -> std::unique_ptr<Pass> { return std::make_unique<FusePad>(); }};
}

}  // namespace compress
