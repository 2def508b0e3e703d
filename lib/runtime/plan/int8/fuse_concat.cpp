// DequantizeLinear of all inputs -> Concat -> QuantizeLinear becomes QuantizedConcat with a table of 256 entries per
// input; without QuantizeLinear, inputs of equal parameters are joined as bytes and dequantized behind.
#include <algorithm>
#include <array>
#include <cmath>

#include "lib/runtime/plan/fusions.h"
#include "lib/runtime/plan/int8/patterns.h"

namespace compress::int8 {
namespace {

/// 256 bytes per input: the step of `y` that each byte of the input becomes.
Buffer requantizeTables(const std::vector<Dequantized>& inputs, const Quantization& y) {
  Buffer tables(DType::u8, Shape{static_cast<int64_t>(inputs.size()), 256});
  const auto bytes = tables.as<uint8_t>();
  for (size_t i = 0; i < inputs.size(); ++i)
    for (size_t byte = 0; byte < 256; ++byte) {
      const Quantization& x = inputs[i].q;
      const int32_t stored = x.dtype == DType::u8 ? static_cast<int32_t>(byte) : static_cast<int8_t>(byte);
      const float real = static_cast<float>(stored - x.zero) * x.scale;
      const float step = std::nearbyint(real / y.scale) + static_cast<float>(y.zero);
      const float inside = std::clamp(step, static_cast<float>(y.lowest()), static_cast<float>(y.highest()));
      bytes[i * 256 + byte] = static_cast<uint8_t>(static_cast<int32_t>(inside));
    }
  return tables;
}

/// A ByteTable that only this Concat needs becomes part of the input's table: input `i` is then what the ByteTable
/// reads.
void absorbTable(FusedGraph& graph, const Dequantized& input, Node& made, size_t i, std::span<std::byte> table) {
  const NodeId producer = graph.graph.producer(input.source);
  if (!producer || graph.graph.node(producer).op != "ByteTable" || !graph.onlyReader(input.source) ||
      !graph.onlyReader(graph.graph.node(input.node).outputs[0]))
    return;
  const Node& before = graph.graph.node(producer);
  const auto first = before.attributes.tensor("table")->raw();
  std::array<std::byte, 256> composed;
  for (size_t byte = 0; byte < 256; ++byte) composed[byte] = table[std::to_integer<size_t>(first[byte])];
  std::ranges::copy(composed, table.begin());
  made.inputs[i] = before.inputs[0];
}

bool fuseOne(FusedGraph& graph, NodeId id) {
  const Node node = graph.graph.node(id);
  if (!node.is("Concat")) return false;
  std::vector<Dequantized> inputs;
  for (const ValueId input : node.inputs) {
    const std::optional<Dequantized> found = findDequantized(graph, input);
    if (!found) return false;
    inputs.push_back(*found);
  }
  const std::optional<Quantizer> quantizer = findQuantizer(graph, node.outputs[0]);
  const Quantization first = inputs[0].q;
  const bool isUniform = std::ranges::all_of(inputs, [&](const Dequantized& input) { return input.q == first; });
  if (!quantizer && !isUniform) return false;
  Node made;
  made.op = "QuantizedConcat";
  made.domain = kPlanDomain;
  made.name = displayNameOf(graph, id);
  for (const Dequantized& input : inputs) made.inputs.push_back(input.source);
  made.attributes.set("axis", static_cast<int64_t>(normalizedAxis(node.attributes.integer("axis", 0),
                                                                  graph.shape(node.outputs[0]).rank())));
  Buffer tables = requantizeTables(inputs, quantizer ? quantizer->q : first);
  for (size_t i = 0; i < inputs.size(); ++i) absorbTable(graph, inputs[i], made, i, tables.raw().subspan(i * 256, 256));
  made.attributes.set("tables", std::move(tables).freeze());
  if (quantizer) {
    replaceNode(graph, quantizer->node, std::move(made), {quantizer->node});
    return true;
  }
  const ValueId joined =
      addValue(graph, graph.graph.value(node.outputs[0]).name + ".bytes", first.dtype, graph.shape(node.outputs[0]));
  made.outputs = {joined};
  graph.graph.append(std::move(made));
  Node dequantize = graph.graph.node(inputs[0].node);
  dequantize.inputs[0] = joined;
  replaceNode(graph, id, std::move(dequantize), {});
  return true;
}

}  // namespace

int64_t fuseConcat(FusedGraph& graph) {
  return fuseEach(graph, fuseOne);
}

}  // namespace compress::int8
