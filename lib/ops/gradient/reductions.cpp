// Gradients of reductions: g spread over the reduced axes, times what each element contributes. Global pools are
// reductions over the spatial axes.
#include "lib/ops/gradient/rules.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

/// The input's shape with 1 at the reduced axes: what g and y are reshaped to.
Shape keptShape(const Backward& b) {
  const Shape x = b.shape(0);
  std::vector<int64_t> dims = x.dims();
  const std::vector<int64_t> axes = b.has(1) ? b.integers(1) : std::vector<int64_t>{};
  if (!axes.empty()) {
    for (const size_t axis : normalizedAxes(axes, x.rank())) dims[axis] = 1;
  } else if (b.attributes().integer("noop_with_empty_axes", 0) == 0) {
    std::ranges::fill(dims, 1);
  }
  return Shape(dims);
}

ValueId spread(Backward& b, ValueId value) {
  return b.emit("Expand", {value, b.constant(b.shape(0).dims())});
}

/// g and y as they broadcast to x.
ValueId kept(Backward& b, ValueId value, const Shape& shape) {
  return shape == b.outputShape() ? value : b.reshape(value, shape);
}

void reduceSum(Backward& b) {
  b.give(0, spread(b, kept(b, b.gradient(), keptShape(b))));
}

void giveMean(Backward& b, const Shape& shape) {
  const double count = static_cast<double>(b.shape(0).elementCount()) / static_cast<double>(shape.elementCount());
  b.give(0, spread(b, b.emit("Mul", {kept(b, b.gradient(), shape), b.scalar(1 / count)})));
}
void reduceMean(Backward& b) {
  giveMean(b, keptShape(b));
}

/// Elements that equal the extreme share g.
void giveExtreme(Backward& b, const Shape& shape) {
  const ValueId mask = b.emit("CastLike", {b.emit("Equal", {b.input(0), kept(b, b.output(), shape)}), b.input(0)});
  std::vector<int64_t> axes;
  for (size_t i = 0; i < shape.rank(); ++i)
    if (shape[i] != b.shape(0)[i]) axes.push_back(static_cast<int64_t>(i));
  const ValueId share = b.emit("Div", {kept(b, b.gradient(), shape), b.sumOver(mask, axes)});
  b.give(0, b.emit("Mul", {mask, share}));
}
void reduceExtreme(Backward& b) {
  giveExtreme(b, keptShape(b));
}

void globalAverage(Backward& b) {
  giveMean(b, b.outputShape());
}
void globalMax(Backward& b) {
  giveExtreme(b, b.outputShape());
}

/// g y / x: x must not be 0.
void reduceProd(Backward& b) {
  const Shape shape = keptShape(b);
  b.give(0, b.emit("Div", {b.emit("Mul", {kept(b, b.gradient(), shape), kept(b, b.output(), shape)}), b.input(0)}));
}

void reduceL1(Backward& b) {
  b.give(0, b.emit("Mul", {b.emit("Sign", {b.input(0)}), kept(b, b.gradient(), keptShape(b))}));
}

void reduceL2(Backward& b) {
  const Shape shape = keptShape(b);
  const ValueId share = b.emit("Div", {kept(b, b.gradient(), shape), kept(b, b.output(), shape)});
  b.give(0, b.emit("Mul", {b.input(0), share}));
}

void reduceSumSquare(Backward& b) {
  const ValueId doubled = b.emit("Mul", {kept(b, b.gradient(), keptShape(b)), b.scalar(2)});
  b.give(0, b.emit("Mul", {b.input(0), doubled}));
}

void reduceLogSum(Backward& b) {
  const Shape shape = keptShape(b);
  b.give(0, spread(b, b.emit("Div", {kept(b, b.gradient(), shape), b.emit("Exp", {kept(b, b.output(), shape)})})));
}

void reduceLogSumExp(Backward& b) {
  const Shape shape = keptShape(b);
  const ValueId share = b.emit("Exp", {b.emit("Sub", {b.input(0), kept(b, b.output(), shape)})});
  b.give(0, b.emit("Mul", {share, kept(b, b.gradient(), shape)}));
}

}  // namespace

std::vector<GradientRule> reductionGradients() {
  return {{"ReduceSum", reduceSum},
          {"ReduceMean", reduceMean},
          {"ReduceMax", reduceExtreme},
          {"ReduceMin", reduceExtreme},
          {"ReduceProd", reduceProd},
          {"ReduceL1", reduceL1},
          {"ReduceL2", reduceL2},
          {"ReduceSumSquare", reduceSumSquare},
          {"ReduceLogSum", reduceLogSum},
          {"ReduceLogSumExp", reduceLogSumExp},
          {"GlobalAveragePool", globalAverage},
          {"GlobalMaxPool", globalMax}};
}

}  // namespace compress
