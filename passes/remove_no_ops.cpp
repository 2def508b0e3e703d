// remove-no-ops: takes out nodes that only hand on one of their inputs.
//
//   Identity; Dropout (inference); Cast to the type it is; Transpose that moves nothing; Reshape, Flatten, Expand, Tile
//   to the shape it is; Concat, Sum, Max, Min, Mean of one; x + 0, x - 0, x * 1, x / 1, x ^ 1; Pad by nothing; Slice of
//   everything; Relu or Clip of what is clamped already before: a = Identity(x); y = Mul(a, one); z = Relu(y) after: z
//   = Relu(x)
//
// Needs: proof from constants and shape inference that value, type and shape stay. Names of graph outputs stay: the
// node before takes the name over; where it cannot (the output is an input's or a constant's copy), the node stays.
// Source: docs/quantization.md Q9.
#include "lib/base/text.h"
#include "passes/catalog.h"
#include "passes/edit.h"
#include "passes/no_op_rules.h"

namespace compress {
namespace {

int64_t removeNoOps(Graph& graph, const KnownTypes& known) {
  int64_t removed = 0;
  for (const NodeId id : graph.order()) {
    if (!graph.isAlive(id)) continue;
    const ValueId from = findPassedOn(graph, graph.node(id), known);
    if (from && bypass(graph, id, from)) ++removed;
  }
  return removed;
}

class RemoveNoOps : public Pass {
 public:
  int64_t run(Model& model, PassContext& context) override {
    const KnownTypes known(model), nothing{Model{}};
    if (!known.why().empty()) context.warnings.push_back({"W-SHAPES", text("shapes are not known: ", known.why()), {}});
    const Graph* main = &model.graph;
    return editEachGraph(model.graph,
                         [&](Graph& graph) { return removeNoOps(graph, &graph == main ? known : nothing); });
  }
};

}  // namespace

PassSpec removeNoOpsSpec() {
  return {
      .name = "remove-no-ops",
      .summary = "take out nodes that only hand on their input: Identity, Dropout, x * 1, Reshape to the same shape",
      .make = []() -> std::unique_ptr<Pass> { return std::make_unique<RemoveNoOps>(); }};
}

}  // namespace compress
