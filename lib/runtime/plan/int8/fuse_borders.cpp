// A ByteBorder that alone reads its source becomes an attribute of the node that makes the source: that one writes into
// the middle of the larger buffer, and the border beside.
#include <algorithm>
#include <array>

#include "lib/runtime/plan/fusions.h"
#include "lib/runtime/plan/int8/patterns.h"

namespace compress::int8 {
namespace {

constexpr std::array<std::string_view, 4> kWriters = {"ByteTable", "QuantizedBinary", "QuantizeChannels",
                                                      "QuantizeLinear"};

bool fuseOne(FusedGraph& graph, NodeId id) {
  const Node border = graph.graph.node(id);
  if (border.op != "ByteBorder" || !graph.onlyReader(border.inputs[0])) return false;
  const NodeId producer = graph.graph.producer(border.inputs[0]);
  if (!producer || std::ranges::find(kWriters, graph.graph.node(producer).op) == kWriters.end()) return false;
  Node writer = graph.graph.node(producer);
  if (writer.is("QuantizeLinear")) {
    const std::optional<Quantization> q = quantizerOf(graph, producer);
    if (!q || graph.shape(border.outputs[0]).rank() != 4) return false;
    writer.op = "QuantizeChannels";
    writer.domain = kPlanDomain;
    writer.inputs.resize(1);
    setQuantization(writer.attributes, "y", *q);
  }
  writer.name = displayNameOf(graph, producer);
  writer.attributes.set("pads", border.attributes.integers("pads"));
  writer.attributes.set("fill", border.attributes.integer("fill", 0));
  const std::vector<std::string> names = std::as_const(graph).fused(producer).names;
  const NodeId made = replaceNode(graph, id, std::move(writer), {});
  graph.fused(made).names = names;
  return true;
}

}  // namespace

int64_t fuseBorders(FusedGraph& graph) {
  return fuseEach(graph, fuseOne);
}

}  // namespace compress::int8
