// What only moves elements, or picks the greatest, commutes with DequantizeLinear:
//   DequantizeLinear -> Transpose    becomes    Transpose of bytes -> DequantizeLinear
// A QuantizeLinear behind then meets the DequantizeLinear, and both vanish or become a table.
#include <algorithm>
#include <array>
#include <cmath>

#include "lib/runtime/plan/fusions.h"
#include "lib/runtime/plan/int8/patterns.h"

namespace compress::int8 {
namespace {

constexpr std::array<std::string_view, 15> kMoves = {"DepthToSpace", "Expand",  "Flatten", "Gather",    "Identity",
                                                     "MaxPool",      "Pad",     "Reshape", "Resize",    "Slice",
                                                     "SpaceToDepth", "Squeeze", "Tile",    "Transpose", "Unsqueeze"};

/// The byte that stands for the constant that Pad fills with; nothing when no byte does exactly.
std::optional<Tensor> padByte(const FusedGraph& graph, const Node& pad, const Quantization& q) {
  double real = 0;
  if (pad.input(2)) {
    const std::optional<std::vector<double>> value = constantReals(graph, pad.input(2));
    if (!value || value->size() != 1) return std::nullopt;
    real = (*value)[0];
  }
  const double step = std::nearbyint(real / q.scale);
  const double stored = step + q.zero;
  if (std::abs(step * q.scale - real) > 1e-6 * q.scale || stored < q.lowest() || stored > q.highest())
    return std::nullopt;
  if (q.dtype == DType::u8) return Tensor::scalar<uint8_t>(static_cast<uint8_t>(stored));
  return Tensor::scalar<int8_t>(static_cast<int8_t>(stored));
}

bool isMove(const Node& node) {
  if (!node.domain.empty() || node.outputs.size() != 1 || std::ranges::find(kMoves, node.op) == kMoves.end())
    return false;
  return node.op != "Resize" || node.attributes.string("mode", "nearest") == "nearest";
}

bool moveOne(FusedGraph& graph, NodeId id) {
  Node moved = graph.graph.node(id);
  if (!isMove(moved)) return false;
  const std::optional<Dequantized> x = findDequantized(graph, moved.inputs[0]);
  if (!x || graph.graph.constant(x->source)) return false;
  for (size_t i = 1; i < moved.inputs.size(); ++i)
    if (moved.inputs[i] && !graph.graph.constant(moved.inputs[i]) && !(moved.op == "Pad" && i == 2)) return false;
  if (moved.op == "Pad" && moved.attributes.string("mode", "constant") == "constant") {
    const std::optional<Tensor> byte = padByte(graph, moved, x->q);
    if (!byte) return false;
    moved.inputs.resize(std::max<size_t>(moved.inputs.size(), 3));
    moved.inputs[2] = graph.graph.addConstant("pad", *byte);
    graph.graph.setType(moved.inputs[2], Type::tensor(byte->dtype(), Shape{}));
  }
  const ValueId result = moved.outputs[0];
  moved.inputs[0] = x->source;
  const ValueId bytes = addValue(graph, graph.graph.value(result).name + ".bytes", x->q.dtype, graph.shape(result));
  moved.outputs = {bytes};
  moved.name = displayNameOf(graph, id);
  graph.graph.append(std::move(moved));
  Node dequantize = graph.graph.node(x->node);
  dequantize.inputs[0] = bytes;
  replaceNode(graph, id, std::move(dequantize), {});
  return true;
}

}  // namespace

int64_t moveBytes(FusedGraph& graph) {
  return fuseEach(graph, moveOne);
}

}  // namespace compress::int8
