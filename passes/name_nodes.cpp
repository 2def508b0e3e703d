// name-nodes: gives a nameless node a stable name, so that messages, options and reports can point at it.
//
//   before: y = Conv(x, w)  (no name)        after: the node is called "Conv_y": its op and its first output
//
// Leaves alone: names that are there, double ones too. Source: docs/quantization.md Q9.
#include <set>

#include "lib/base/text.h"
#include "passes/catalog.h"
#include "passes/edit.h"

namespace compress {
namespace {

int64_t nameNodes(Graph& graph) {
  std::set<std::string> taken;
  for (const NodeId id : graph.nodes()) taken.insert(graph.node(id).name);
  int64_t named = 0;
  for (const NodeId id : graph.nodes()) {
    const Node& node = graph.node(id);
    if (!node.name.empty()) continue;
    const ValueId output = node.output(0);
    const std::string base = output ? text(node.op, "_", graph.value(output).name) : node.op;
    std::string name = base;
    for (int i = 1; !taken.insert(name).second; ++i) name = text(base, "_", i);
    graph.rename(id, name);
    ++named;
  }
  return named;
}

class NameNodes : public Pass {
 public:
  int64_t run(Model& model, PassContext&) override { return editEachGraph(model.graph, nameNodes); }
};

}  // namespace

PassSpec nameNodesSpec() {
  return {.name = "name-nodes",
          .summary = "give nameless nodes stable names, so that reports and options can point at them",
          .make = []() -> std::unique_ptr<Pass> { return std::make_unique<NameNodes>(); }};
}

}  // namespace compress
