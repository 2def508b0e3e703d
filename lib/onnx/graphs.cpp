#include "lib/onnx/graphs.h"

namespace compress {

std::string placeOf(const onnx::NodeProto& node) {
  if (!node.name().empty()) return text("node ", inQuotes(node.name()), " (", displayName(node.op_type()), ")");
  for (const std::string& output : node.output())
    if (!output.empty())
      return text("node without name (", displayName(node.op_type()), ") that computes ", inQuotes(output));
  return text("node without name (", displayName(node.op_type()), ")");
}

std::vector<onnx::GraphProto*> allGraphs(onnx::GraphProto& main) {
  std::vector<onnx::GraphProto*> graphs{&main};
  for (size_t i = 0; i < graphs.size(); ++i)
    for (auto& node : *graphs[i]->mutable_node())
      forEachBody(node, [&](onnx::GraphProto& body) { graphs.push_back(&body); });
  return graphs;
}

}  // namespace compress
