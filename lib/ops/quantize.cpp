// QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear: per tensor, per index of `axis`, or per block along it.
#include <cmath>
#include <limits>

#include "lib/base/parallel.h"
#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/float8.h"
#include "lib/ops/quantized.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

void requireScaleShape(const InferContext& context) {
  const auto x = context.input(0).shape(), scale = context.input(1).shape();
  if (!scale || !x) return;
  if (context.has(2) && context.input(2).shape() && *context.input(2).shape() != *scale && scale->elementCount() != 1)
    reject("the scale has shape ", print(*scale), ", the zero point ", print(*context.input(2).shape()));
  if (scale->elementCount() == 1) return;
  const size_t axis = normalizedAxis(context.node.attributes.integer("axis", 1), x->rank());
  const int64_t block = context.node.attributes.integer("block_size", 0);
  if (block == 0) {
    if (scale->rank() != 1 || (*scale)[0] != (*x)[axis])
      reject("the scale has shape ", print(*scale), ", expected [", (*x)[axis], "]: axis ", axis, " of ", print(*x));
    return;
  }
  std::vector<int64_t> dims = x->dims();
  dims[axis] = (dims[axis] + block - 1) / block;
  if (*scale != Shape(dims))
    reject("the scale has shape ", print(*scale), ", expected ", print(Shape(dims)), ": blocks of ", block,
           " along axis ", axis);
}

void inferQuantize(InferContext& context) {
  requireInputs(context, 2);
  sameAsFirst(context);
  requireScaleShape(context);
  DType dtype = static_cast<DType>(context.node.attributes.integer("output_dtype", 0));
  if (context.has(2))
    dtype = dtypeOfInput(context, 2);
  else if (dtype == DType::undefined)
    dtype = DType::u8;
  context.outputs[0].dtype = dtype;
}

void inferDequantize(InferContext& context) {
  requireInputs(context, 2);
  sameAsFirst(context);
  requireScaleShape(context);
  const auto named = static_cast<DType>(context.node.attributes.integer("output_dtype", 0));
  context.outputs[0].dtype = named != DType::undefined ? named : dtypeOfInput(context, 1);
}

/// Which scale belongs to an element: index = (outer * count + middle / block) * inner + rest of a layout that has
/// `inner` only when blocked.
class ScaleIndex {
 public:
  ScaleIndex(const Node& node, const Shape& x, const Shape& scale) {
    if (scale.elementCount() == 1) return;
    const size_t axis = normalizedAxis(node.attributes.integer("axis", 1), x.rank());
    size_ = x[axis];
    inner_ = x.count(axis + 1, x.rank());
    block_ = node.attributes.integer("block_size", 0);
    isPerTensor_ = false;
    if (block_ > 0) blocks_ = (size_ + block_ - 1) / block_;
    const int64_t expected = block_ > 0 ? x.count(0, axis) * blocks_ * inner_ : size_;
    if (scale.elementCount() != expected)
      reject("the scale has ", scale.elementCount(), " elements, expected 1 or ", expected);
  }

  size_t operator()(int64_t i) const {
    if (isPerTensor_) return 0;
    const int64_t middle = i / inner_ % size_;
    if (block_ == 0) return static_cast<size_t>(middle);
    return static_cast<size_t>((i / (inner_ * size_) * blocks_ + middle / block_) * inner_ + i % inner_);
  }

 private:
  bool isPerTensor_ = true;
  int64_t size_ = 1, inner_ = 1, block_ = 0, blocks_ = 1;
};

/// One for each of `count` scales; 0 where there is no such input.
std::vector<double> zeroPointsOf(const ReferenceContext& context, size_t count) {
  if (!context.has(2)) return std::vector<double>(count, 0.0);
  std::vector<double> values = load<double>(context.inputs[2]);
  if (values.size() == 1) values.resize(count, values[0]);
  if (values.size() != count) reject("the zero point has ", values.size(), " elements, the scale ", count);
  return values;
}

/// Floats have a zero point of 0, which turns -0 into 0 when it is added.
void quantizeToSmallFloats(ReferenceContext& context, const std::vector<double>& x, const std::vector<double>& scales,
                           const ScaleIndex& index) {
  const bool saturate = context.node.attributes.integer("saturate", 1) != 0;
  Buffer& y = context.outputs[0];
  std::vector<double> values(x.size());
  for (size_t i = 0; i < x.size(); ++i)
    values[i] = static_cast<double>(
        static_cast<float>(x[i]) / static_cast<float>(scales[index(static_cast<int64_t>(i))]) + 0.0F);
  if (bitsOf(y.dtype()) != 8) return store(std::span<const double>(values), y);
  for (size_t i = 0; i < values.size(); ++i)
    y.raw()[i] = static_cast<std::byte>(encodeSmallFloat(static_cast<float>(values[i]), y.dtype(), saturate));
}

/// y = saturate(round(x / scale) + zero point): the division in float, ties to even.
void quantizeLinear(ReferenceContext& context) {
  const Tensor& input = context.inputs[0];
  Buffer& y = context.outputs[0];
  auto x = load<double>(input);
  const auto scales = load<double>(context.inputs[1]);
  const ScaleIndex index(context.node, input.shape(), context.inputs[1].shape());
  if (isFloating(y.dtype())) return quantizeToSmallFloats(context, x, scales, index);
  std::vector<Quantizer> quantizers;
  const std::vector<double> zeroPoints = zeroPointsOf(context, scales.size());
  for (size_t i = 0; i < scales.size(); ++i) quantizers.emplace_back(scales[i], zeroPoints[i], y.dtype());
  for (size_t i = 0; i < x.size(); ++i) x[i] = quantizers[index(static_cast<int64_t>(i))](static_cast<float>(x[i]));
  store(std::span<const double>(x), y);
}

/// y = (x - zero point) * scale
void dequantizeLinear(ReferenceContext& context) {
  auto x = load<double>(context.inputs[0]);
  const auto scales = load<double>(context.inputs[1]);
  const ScaleIndex index(context.node, context.inputs[0].shape(), context.inputs[1].shape());
  const std::vector<double> zeroPoints = zeroPointsOf(context, scales.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const size_t at = index(static_cast<int64_t>(i));
    x[i] = (x[i] - zeroPoints[at]) * scales[at];
  }
  store(std::span<const double>(x), context.outputs[0]);
}

void inferDynamicQuantize(InferContext& context) {
  requireInputs(context, 1);
  const DType dtype = dtypeOfInput(context, 0);
  if (dtype != DType::f32 && dtype != DType::undefined) reject("x is ", nameOf(dtype), ", expected float32");
  sameAsFirst(context);
  context.outputs[0].dtype = DType::u8;
  if (context.outputs.size() > 1) context.outputs[1] = Type::tensor(DType::f32, Shape{});
  if (context.outputs.size() > 2) context.outputs[2] = Type::tensor(DType::u8, Shape{});
}

/// Scale and zero point from the range of x widened to hold 0, in float as the op's definition says.
void dynamicQuantizeLinear(ReferenceContext& context) {
  const auto x = context.inputs[0].as<float>();
  float low = 0, high = 0;
  for (const float value : x) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  const float scale = high == low ? 1.0F : (high - low) / 255.0F;
  const double zeroPoint = std::min(255.0, std::max(0.0, static_cast<double>(std::nearbyint(-low / scale))));
  const Quantizer quantizer(static_cast<double>(scale), zeroPoint, DType::u8);
  const auto y = context.outputs[0].as<uint8_t>();
  for (size_t i = 0; i < x.size(); ++i) y[i] = static_cast<uint8_t>(quantizer(x[i]));
  if (context.wants(1)) context.outputs[1].as<float>()[0] = scale;
  if (context.wants(2)) context.outputs[2].as<uint8_t>()[0] = static_cast<uint8_t>(zeroPoint);
}

}  // namespace

std::vector<OpSpec> quantizeOps() {
  return {
      {"QuantizeLinear",
       "",
       inferQuantize,
       quantizeLinear,
       {},
       "y = saturate(round(x / scale) + zero point), ties to even"},
      {"DequantizeLinear", "", inferDequantize, dequantizeLinear, {}, "y = (x - zero point) scale"},
      {"DynamicQuantizeLinear",
       "",
       inferDynamicQuantize,
       dynamicQuantizeLinear,
       {},
       "x as uint8, its scale and zero point from its range"},
  };
}

}  // namespace compress
