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

void inferTensorScatter(InferContext& context) {
  requireInputs(context, 2);
  sameAsFirst(context);
}

/// Writes an update into a cache along `axis`, from an index of each sample on.
void tensorScatter(ReferenceContext& context) {
  const Tensor &cache = context.inputs[0], &update = context.inputs[1];
  const size_t axis = normalizedAxis(context.node.attributes.integer("axis", -2), cache.shape().rank());
  const std::string mode = context.node.attributes.string("mode", "linear");
  if (axis == 0) reject("axis 0 is the one of samples");
  if (mode != "linear" && mode != "circular") reject("mode is '", displayName(mode), "', expected linear or circular");
  const Lines to(cache.shape(), axis), from(update.shape(), axis);
  if (update.shape().rank() != cache.shape().rank() || from.outer != to.outer || from.inner != to.inner)
    reject("an update of ", print(update.shape()), " for a cache of ", print(cache.shape()));
  const int64_t perSample = cache.shape().count(1, axis);
  const auto starts =
      context.has(2) ? toInts(context.inputs[2]) : std::vector<int64_t>(static_cast<size_t>(cache.shape()[0]), 0);
  copyAll(cache, context.outputs[0]);
  const Mover mover(update, context.outputs[0]);
  for (int64_t o = 0; o < from.outer; ++o)
    for (int64_t i = 0; i < from.size; ++i) {
      const int64_t place = starts.at(static_cast<size_t>(o / perSample)) + i;
      const int64_t index = mode == "circular" ? place % to.size : checkedIndex(place, to.size);
      mover.copy((o * from.size + i) * from.inner, (o * to.size + index) * to.inner, to.inner);
    }
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
      {"TensorScatter", "", inferTensorScatter, tensorScatter, {}, "a cache with an update written at an index"},
      {"Scatter", "", nullptr, nullptr, {{11, renameToElements}}, "became ScatterElements at opset 11"},
  };
}

}  // namespace compress
