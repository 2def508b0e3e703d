// remove-dead: removes nodes that no graph output needs, and constants that nothing reads.
//
//   before: a = Relu(x); b = Neg(a); output a        after: a = Relu(x); output a
//
// A constant that is listed as a graph input too (as IR 3 demands of all) goes with its listing; inputs that the caller
// must bring stay. Leaves alone: graph inputs and outputs. Source: docs/quantization.md Q9.
#include <algorithm>

#include "passes/catalog.h"
#include "passes/edit.h"

namespace compress {
namespace {

bool isDeclared(const Value& value) {
  return value.type.kind != Type::Kind::unknown || value.constant || !value.rest.empty();
}

int64_t declaredCount(const Graph& graph) {
  int64_t count = 0;
  for (const ValueId id : graph.values()) count += isDeclared(graph.value(id)) ? 1 : 0;
  return count;
}

/// Counts what a reader of the file sees: nodes and declared values.
int64_t removeDead(Graph& graph) {
  const int64_t declared = declaredCount(graph);
  int64_t changes = graph.eraseDead();
  std::vector<ValueId> inputs = graph.inputs();
  std::erase_if(inputs, [&](ValueId id) {
    return graph.constant(id) != nullptr && graph.uses(id).empty() && !graph.isOutput(id);
  });
  graph.setInputs(std::move(inputs));
  changes += graph.eraseDead();
  return changes + declared - declaredCount(graph);
}

class RemoveDead : public Pass {
 public:
  int64_t run(Model& model, PassContext&) override { return editEachGraph(model.graph, removeDead); }
};

}  // namespace

PassSpec removeDeadSpec() {
  return {.name = "remove-dead",
          .summary = "remove nodes that no output needs and constants that nothing reads",
          .make = []() -> std::unique_ptr<Pass> { return std::make_unique<RemoveDead>(); }};
}

}  // namespace compress
