// Straight-through gradients of QuantizeLinear and DequantizeLinear. Between the two, g is the gradient with respect to
// steps. With q = x / s + z inside [qmin, qmax]: dx = g / s there, else 0; and where the scale is trained
//   ds = sum of g_y (q - z) after DequantizeLinear, and -g x / s^2 inside before QuantizeLinear,
// which is LSQ's rule: round(x / s) - x / s inside, the limits outside. Zero points are fixed.
#include "lib/ops/gradient/rules.h"
#include "lib/ops/quantized.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

/// The scale's shape as it broadcasts to x: one element, or one per index of `axis`.
Shape alignedShape(const Backward& b) {
  if (b.attributes().integer("block_size", 0) != 0)
    throw Error(ErrorKind::unsupported, "quantization in blocks has no gradient here",
                "train with one scale per tensor or per channel");
  const Shape x = b.shape(0), scale = b.shape(1);
  std::vector<int64_t> dims(x.rank(), 1);
  if (scale.elementCount() != 1) dims[normalizedAxis(b.attributes().integer("axis", 1), x.rank())] = scale[0];
  return Shape(dims);
}

/// Input `i` as floats of the scale's type, aligned.
ValueId aligned(Backward& b, size_t i, const Shape& shape) {
  const ValueId value = b.dtype(i) == b.dtype(1) ? b.input(i) : b.emit("CastLike", {b.input(i), b.input(1)});
  return b.shape(i) == shape ? value : b.reshape(value, shape);
}

void giveScale(Backward& b, ValueId value, const Shape& aligned) {
  std::vector<int64_t> axes;
  const Shape x = b.outputShape();
  for (size_t i = 0; i < x.rank(); ++i)
    if (aligned[i] == 1 && x[i] != 1) axes.push_back(static_cast<int64_t>(i));
  b.give(1, b.reshape(b.sumOver(value, std::move(axes)), b.shape(1)));
}

DType quantizedType(const Backward& b) {
  if (b.has(2)) return b.dtype(2);
  const auto named = static_cast<DType>(b.attributes().integer("output_dtype", 0));
  return named == DType::undefined ? DType::u8 : named;
}

void quantizeLinear(Backward& b) {
  const Shape shape = alignedShape(b);
  const IntegerRange range = rangeOf(quantizedType(b));
  const ValueId scale = aligned(b, 1, shape);
  ValueId low = b.scalar(range.low), high = b.scalar(range.high);
  if (b.has(2)) {
    const ValueId zeroPoint = aligned(b, 2, shape);
    low = b.emit("Sub", {low, zeroPoint});
    high = b.emit("Sub", {high, zeroPoint});
  }
  const ValueId steps = b.emit("Div", {b.input(0), scale});
  const ValueId isInside =
      b.emit("And", {b.emit("GreaterOrEqual", {steps, low}), b.emit("LessOrEqual", {steps, high})});
  const ValueId inside = b.emit("Where", {isInside, b.emit("Div", {b.gradient(), scale}), b.scalar(0)});
  b.give(0, inside);
  if (b.wants(1)) giveScale(b, b.emit("Neg", {b.emit("Mul", {inside, steps})}), shape);
}

void dequantizeLinear(Backward& b) {
  const Shape shape = alignedShape(b);
  if (b.wants(0)) b.give(0, b.emit("Mul", {b.gradient(), aligned(b, 1, shape)}));
  if (!b.wants(1)) return;
  ValueId steps = b.emit("CastLike", {b.input(0), b.input(1)});
  if (b.has(2)) steps = b.emit("Sub", {steps, aligned(b, 2, shape)});
  giveScale(b, b.emit("Mul", {b.gradient(), steps}), shape);
}

}  // namespace

std::vector<GradientRule> quantizeGradients() {
  return {{"QuantizeLinear", quantizeLinear}, {"DequantizeLinear", dequantizeLinear}};
}

}  // namespace compress
