// Gradients of pools: the largest element gets g, the first one of equals; a mean's elements get equal parts.
#include "lib/base/parallel.h"
#include "lib/ops/access.h"
#include "lib/ops/gradient/rules.h"
#include "lib/ops/pool_windows.h"

namespace compress {
namespace {

void maxPool(Backward& b) {
  b.give(0, b.emitPrivate("MaxPoolGrad", {b.gradient(), b.input(0), b.output()}, b.attributes()));
}

void averagePool(Backward& b) {
  b.give(0, b.emitPrivate("AveragePoolGrad", {b.gradient()}, withShape(b.attributes(), b.shape(0))));
}

void inferMaxPoolGrad(InferContext& context) {
  requireInputs(context, 3);
  context.outputs.at(0) = context.input(1);
}

/// dx = sum over windows of spread(windows, plane, o, dx's plane).
template <typename Spread>
void spreadWindows(ReferenceContext& context, const Spread& spread) {
  const Shape &g = context.inputs[0].shape(), x = context.outputs[0].shape();
  if (g.rank() != x.rank() || g.rank() < 3 || g[0] != x[0] || g[1] != x[1])
    reject("g has shape ", print(g), ", x ", print(x));
  const Windows windows(context.node, x, g);
  std::vector<double> out(static_cast<size_t>(x.elementCount()), 0.0);
  const int64_t outputPlane = windows.outputPlane();
  parallelFor(x[0] * x[1], [&](int64_t plane) {
    double* to = out.data() + plane * windows.inputPlane();
    for (int64_t o = 0; o < outputPlane; ++o) spread(windows, plane, o, to);
  });
  store(std::span<const double>(out), context.outputs[0]);
}

void maxPoolGrad(ReferenceContext& context) {
  const auto g = load<double>(context.inputs[0]), x = load<double>(context.inputs[1]),
             y = load<double>(context.inputs[2]);
  if (g.size() != y.size()) reject("g has ", g.size(), " elements, y ", y.size());
  spreadWindows(context, [&](const Windows& windows, int64_t plane, int64_t o, double* to) {
    const auto at = static_cast<size_t>(plane * windows.outputPlane() + o);
    const double* image = x.data() + plane * windows.inputPlane();
    bool isGiven = false;
    windows.visit(o, [&](int64_t i) {
      if (isGiven || image[i] != y[at]) return;
      to[i] += g[at];
      isGiven = true;
    });
  });
}

void averagePoolGrad(ReferenceContext& context) {
  const auto g = load<double>(context.inputs[0]);
  const bool countPads = context.node.attributes.integer("count_include_pad", 0) != 0;
  spreadWindows(context, [&](const Windows& windows, int64_t plane, int64_t o, double* to) {
    int64_t count = 0;
    windows.visit(o, [&](int64_t) { ++count; });
    const double part = g[static_cast<size_t>(plane * windows.outputPlane() + o)] /
                        static_cast<double>(countPads ? windows.paddedCount(o) : count);
    windows.visit(o, [&](int64_t i) { to[i] += part; });
  });
}

}  // namespace

std::vector<GradientRule> poolGradients() {
  return {{"MaxPool", maxPool}, {"AveragePool", averagePool}};
}

std::vector<OpSpec> poolGradientOps() {
  return {
      {"MaxPoolGrad", kTrainDomain, inferMaxPoolGrad, maxPoolGrad, {}, "g at the first element of x that y is"},
      {"AveragePoolGrad", kTrainDomain, inferStatedShape, averagePoolGrad, {}, "g in equal parts over each window"}};
}

}  // namespace compress
