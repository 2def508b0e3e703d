// Walking the schema's graphs: the main graph and all bodies, without recursion.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "lib/onnx/proto.h"

namespace compress {

/// "ai.onnx" is another spelling of the default domain, "".
constexpr std::string_view kDefaultDomain = "ai.onnx";
inline std::string_view plainDomain(std::string_view domain) {
  return domain == kDefaultDomain ? std::string_view() : domain;
}

/// "node 'conv1' (Conv)".
std::string placeOf(const onnx::NodeProto& node);

template <typename NodeMessage, typename Visit>
void forEachBody(NodeMessage& node, const Visit& visit) {
  constexpr bool isConst = std::is_const_v<NodeMessage>;
  if constexpr (isConst) {
    for (const auto& attribute : node.attribute()) {
      if (attribute.has_g()) visit(attribute.g());
      for (const auto& graph : attribute.graphs()) visit(graph);
    }
  } else {
    for (auto& attribute : *node.mutable_attribute()) {
      if (attribute.has_g()) visit(*attribute.mutable_g());
      for (auto& graph : *attribute.mutable_graphs()) visit(graph);
    }
  }
}

/// `main` and every body below it, each after the graph that holds it.
std::vector<onnx::GraphProto*> allGraphs(onnx::GraphProto& main);

}  // namespace compress
