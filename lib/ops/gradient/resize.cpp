// Gradient of Resize: the transpose of the interpolation, by the same tables of source indices and weights.
#include "lib/ops/access.h"
#include "lib/ops/gradient/rules.h"
#include "lib/ops/resize_table.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

void resize(Backward& b) {
  std::vector<ValueId> inputs = b.node().inputs;
  inputs[0] = b.gradient();
  b.give(0, b.emitPrivate("ResizeGrad", std::move(inputs), withShape(b.attributes(), b.shape(0))));
}

/// Along one axis, each element of g goes to the inputs that it was interpolated from, by their weights.
std::vector<double> spreadAxis(const std::vector<double>& g, int64_t outer, int64_t inner, int64_t size,
                               const std::vector<ResizeTaps>& taps) {
  std::vector<double> x(static_cast<size_t>(outer * size * inner), 0.0);
  const auto outputs = static_cast<int64_t>(taps.size());
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < outputs; ++i) {
      const ResizeTaps& tap = taps[static_cast<size_t>(i)];
      for (size_t k = 0; k < tap.indices.size(); ++k) {
        const double* from = g.data() + (o * outputs + i) * inner;
        double* to = x.data() + (o * size + tap.indices[k]) * inner;
        for (int64_t j = 0; j < inner; ++j) to[j] += tap.weights[k] * from[j];
      }
    }
  return x;
}

void resizeGrad(ReferenceContext& context) {
  Buffer& x = context.outputs[0];
  const Shape& g = context.inputs[0].shape();
  const auto parameter = [&](size_t i) { return context.has(i) ? &context.inputs[i] : nullptr; };
  const auto tables = resizeTables(context.node, x.shape(), parameter(1), parameter(2), parameter(3));
  if (g.rank() != x.shape().rank()) reject("g has rank ", g.rank(), ", expected ", x.shape().rank());
  auto values = load<double>(context.inputs[0]);
  for (size_t axis = 0; axis < g.rank(); ++axis) {
    if (static_cast<int64_t>(tables[axis].size()) != g[axis])
      reject("axis ", axis, " of g has ", g[axis], " elements, expected ", tables[axis].size());
    values = spreadAxis(values, x.shape().count(0, axis), g.count(axis + 1, g.rank()), x.shape()[axis], tables[axis]);
  }
  store(std::span<const double>(values), x);
}

}  // namespace

std::vector<GradientRule> resizeGradients() {
  return {{"Resize", resize}};
}

std::vector<OpSpec> resizeGradientOps() {
  return {{"ResizeGrad",
           kTrainDomain,
           inferStatedShape,
           resizeGrad,
           {},
           "g spread over the elements of `shape` that Resize read"}};
}

}  // namespace compress
