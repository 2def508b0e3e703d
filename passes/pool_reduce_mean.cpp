// reduce-mean-to-global-average-pool: a mean over all spatial axes is a GlobalAveragePool, which runs as integers on
// more targets.
//
//   before: y = ReduceMean[axes = 2, 3, keepdims = 1](x)        after: y = GlobalAveragePool(x)
//   before: y = ReduceMean[axes = 2, 3, keepdims = 0](x)        after: y.pooled = GlobalAveragePool(x); y =
//   Flatten(y.pooled)
//
// Needs: known rank >= 3, float data, axes (attribute or constant input) that are exactly those from 2 on. Leaves
// alone: everything else. Source: docs/quantization.md Q10.
#include <algorithm>

#include "lib/base/text.h"
#include "passes/catalog.h"
#include "passes/edit.h"
#include "passes/known_types.h"

namespace compress {
namespace {

/// Types that GlobalAveragePool has in every opset.
bool isPooled(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f64 || dtype == DType::f16;
}

bool isSpatialMean(const Graph& graph, const Node& node, const KnownTypes& known) {
  if (!node.is("ReduceMean")) return false;
  const Type type = known.type(node.input(0));
  const auto axes = findIntegers(graph, node, "axes", 1);
  if (!axes || !type.hasRank() || type.rank() < 3 || !isPooled(type.dtype)) return false;
  std::vector<size_t> spatial;
  for (const int64_t axis : *axes) spatial.push_back(normalizedAxis(axis, type.rank()));
  std::ranges::sort(spatial);
  if (spatial.size() != type.rank() - 2) return false;
  for (size_t i = 0; i < spatial.size(); ++i)
    if (spatial[i] != i + 2) return false;
  return true;
}

void replaceMean(Graph& graph, NodeId id) {
  const Node mean = graph.node(id);
  const ValueId output = mean.outputs[0];
  graph.setInputs(id, {mean.inputs[0]});
  graph.setOp(id, "GlobalAveragePool");
  for (const char* attribute : {"axes", "keepdims", "noop_with_empty_axes"}) graph.eraseAttribute(id, attribute);
  if (mean.input(1)) eraseUnused(graph, mean.input(1));
  if (mean.attributes.integer("keepdims", 1) != 0) return;
  const ValueId pooled = graph.add({text(graph.value(output).name, ".pooled"), {}, std::nullopt, {}});
  graph.setOutputs(id, {pooled});
  Node flatten;
  flatten.op = "Flatten";
  flatten.name = text(mean.name, ".flatten");
  flatten.inputs = {pooled};
  flatten.outputs = {output};
  graph.append(std::move(flatten));
}

class PoolReduceMean : public Pass {
 public:
  int64_t run(Model& model, PassContext&) override {
    const KnownTypes known(model);
    int64_t replaced = 0;
    for (const NodeId id : model.graph.order()) {
      if (!isSpatialMean(model.graph, model.graph.node(id), known)) continue;
      replaceMean(model.graph, id);
      ++replaced;
    }
    return replaced;
  }
};

}  // namespace

PassSpec poolReduceMeanSpec() {
  return {.name = "reduce-mean-to-global-average-pool",
          .summary = "turn a mean over all spatial axes into GlobalAveragePool",
          .make = []() -> std::unique_ptr<Pass> { return std::make_unique<PoolReduceMean>(); }};
}

}  // namespace compress
