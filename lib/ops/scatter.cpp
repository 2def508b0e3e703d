// Writing into a copy by index: ScatterElements and ScatterND, replacing or combining.
#include <algorithm>

#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/indices.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

template <typename Wide>
Wide combined(const std::string& reduction, Wide old, Wide update) {
  if (reduction == "max") return std::max(old, update);
  if (reduction == "min") return std::min(old, update);
  if constexpr (std::is_same_v<Wide, double>)
    return reduction == "add" ? old + update : old * update;
  else {
    const auto a = static_cast<uint64_t>(old), b = static_cast<uint64_t>(update);
    return static_cast<Wide>(reduction == "add" ? a + b : a * b);
  }
}

/// Runs of `length` updates, one after the other, go to `offsets` of output 0, which starts as input 0.
void scatter(ReferenceContext& context, const std::vector<int64_t>& offsets, int64_t length) {
  const Tensor& updates = context.inputs[2];
  const std::string reduction = context.node.attributes.string("reduction", "none");
  if (updates.elementCount() != static_cast<int64_t>(offsets.size()) * length)
    reject("updates have shape ", print(updates.shape()), ", expected ", static_cast<int64_t>(offsets.size()) * length,
           " elements");
  if (reduction == "none") {
    copyAll(context.inputs[0], context.outputs[0]);
    const Mover mover(updates, context.outputs[0]);
    for (size_t i = 0; i < offsets.size(); ++i) mover.copy(static_cast<int64_t>(i) * length, offsets[i], length);
    return;
  }
  if (reduction != "add" && reduction != "mul" && reduction != "max" && reduction != "min")
    reject("reduction is '", displayName(reduction), "', expected none, add, mul, max or min");
  withWide(context.inputs[0].dtype(), [&](auto zero) {
    using Wide = decltype(zero);
    auto values = load<Wide>(context.inputs[0]);
    const auto added = load<Wide>(updates);
    for (size_t i = 0; i < added.size(); ++i) {
      Wide& value =
          values[static_cast<size_t>(offsets[i / static_cast<size_t>(length)]) + i % static_cast<size_t>(length)];
      value = combined(reduction, value, added[i]);
    }
    store(std::span<const Wide>(values), context.outputs[0]);
  });
}

void inferScatter(InferContext& context) {
  requireInputs(context, 3);
  sameAsFirst(context);
}

void scatterElements(ReferenceContext& context) {
  scatter(context,
          elementOffsets(context.inputs[0].shape(), context.inputs[1], context.node.attributes.integer("axis", 0)), 1);
}

void scatterNd(ReferenceContext& context) {
  const Slices slices = slicesOf(context.inputs[0].shape(), context.inputs[1], 0);
  scatter(context, slices.offsets, slices.length);
}

/// Scatter at opset 11: it is called ScatterElements.
void renameToElements(Graph& graph, NodeId id) {
  graph.setOp(id, "ScatterElements");
}

}  // namespace

std::vector<OpSpec> scatterOps() {
  return {
      {"ScatterElements",
       "",
       inferScatter,
       scatterElements,
       {},
       "x with elements replaced whose index along `axis` is given"},
      {"ScatterND", "", inferScatter, scatterNd, {}, "x with slices replaced at given coordinates"},
      {"Scatter", "", nullptr, nullptr, {{11, renameToElements}}, "became ScatterElements at opset 11"},
  };
}

}  // namespace compress
