#include "tools/graph_walk.h"

#include <vector>

namespace compress {

void forEachGraph(const Graph& main, const std::function<void(const Graph&)>& visit) {
  std::vector<Body> bodies;
  const auto enter = [&](const Graph& graph) {
    visit(graph);
    for (const NodeId id : graph.nodes())
      for (const Attribute& attribute : graph.node(id).attributes) {
        if (const auto* body = std::get_if<Body>(&attribute.data)) bodies.push_back(*body);
        if (const auto* several = std::get_if<std::vector<Body>>(&attribute.data))
          bodies.insert(bodies.end(), several->begin(), several->end());
      }
  };
  enter(main);
  for (size_t i = 0; i < bodies.size(); ++i) enter(*Body(bodies[i]));
}

void withBytes(const Tensor& tensor, const std::function<void()>& body) {
  const bool wasResident = tensor.bytes().isResident();
  body();
  if (!wasResident) tensor.bytes().drop();
}

}  // namespace compress
