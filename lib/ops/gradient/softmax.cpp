// Gradients of Softmax and LogSoftmax, which their output y is enough for.
#include <cmath>

#include "lib/ops/access.h"
#include "lib/ops/gradient/rules.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

void softmax(Backward& b) {
  b.give(0, b.emitPrivate(text(b.node().op, "Grad"), {b.gradient(), b.output()}, b.attributes()));
}

/// dx = f(g, y, sum over the row of term(g, y)) along `axis`.
template <typename Term, typename F>
void alongAxis(ReferenceContext& context, const Term& term, const F& f) {
  const Tensor &g = context.inputs[0], &y = context.inputs[1];
  const Shape& shape = g.shape();
  if (!(shape == y.shape())) reject("shapes ", print(shape), " and ", print(y.shape()), ", expected the same");
  const size_t axis = normalizedAxis(context.node.attributes.integer("axis", -1), shape.rank());
  const int64_t size = shape[axis], inner = shape.count(axis + 1, shape.rank()), outer = shape.count(0, axis);
  auto gs = load<double>(g);
  const auto ys = load<double>(y);
  for (int64_t row = 0; row < outer * inner; ++row) {
    const int64_t start = row / inner * size * inner + row % inner;
    const auto at = [&](int64_t i) { return static_cast<size_t>(start + i * inner); };
    double sum = 0;
    for (int64_t i = 0; i < size; ++i) sum += term(gs[at(i)], ys[at(i)]);
    for (int64_t i = 0; i < size; ++i) gs[at(i)] = f(gs[at(i)], ys[at(i)], sum);
  }
  store(std::span<const double>(gs), context.outputs[0]);
}

void softmaxGrad(ReferenceContext& context) {
  alongAxis(
      context, [](double g, double y) { return g * y; }, [](double g, double y, double sum) { return y * (g - sum); });
}

void logSoftmaxGrad(ReferenceContext& context) {
  alongAxis(
      context, [](double g, double) { return g; },
      [](double g, double y, double sum) { return g - std::exp(y) * sum; });
}

}  // namespace

std::vector<GradientRule> softmaxGradients() {
  return {{"Softmax", softmax}, {"LogSoftmax", softmax}};
}

std::vector<OpSpec> softmaxGradientOps() {
  return {{"SoftmaxGrad", kTrainDomain, sameAsFirst, softmaxGrad, {}, "y (g - sum of g y along `axis`)"},
          {"LogSoftmaxGrad", kTrainDomain, sameAsFirst, logSoftmaxGrad, {}, "g - e^y sum of g along `axis`"}};
}

}  // namespace compress
