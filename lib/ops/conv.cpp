// Convolutions: Conv, and its integer forms ConvInteger and QLinearConv.
//   y[n, m, p] = b[m] + sum over c, k of x[n, c, p * stride + k * dilation - pad] * w[m, c, k]
// x is [N, C, spatial...], w is [M, C / group, kernel...]. Products are summed in double, which is exact for 8-bit
// integers.
#include <cmath>

#include "lib/base/parallel.h"
#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/lowering.h"
#include "lib/ops/quantized.h"
#include "lib/ops/window.h"

namespace compress {
namespace {

std::vector<int64_t> spatialDims(const Shape& shape) {
  return {shape.dims().begin() + 2, shape.dims().end()};
}

/// Kernel sizes from `kernel_shape` or the weights; nothing when neither is known.
std::optional<std::vector<int64_t>> kernelOf(const Node& node, const Type& weights) {
  std::optional<std::vector<int64_t>> kernel;
  if (const auto shape = weights.shape()) kernel = spatialDims(*shape);
  const auto named = node.attributes.integers("kernel_shape");
  if (named.empty()) return kernel;
  if (kernel && *kernel != named)
    reject("kernel_shape is ", print(Shape(named)), ", the weights have ", print(Shape(*kernel)));
  return named;
}

/// Rank, channels and groups of x and w fit each other.
void requireChannels(const Node& node, const Type& x, const Type& w) {
  const int64_t group = node.attributes.integer("group", 1);
  if (group < 1) reject("group is ", group, ", expected at least 1");
  if (w.hasRank() && w.rank() < 3) reject("the weights have rank ", w.rank(), ", expected at least 3");
  if (!x.hasRank() || !w.hasRank()) return;
  if (x.rank() != w.rank())
    reject("x has rank ", x.rank(), " and the weights have rank ", w.rank(), ", expected the same");
  const Dim &channels = (*x.dims)[1], &perGroup = (*w.dims)[1], &filters = (*w.dims)[0];
  if (channels.isKnown() && perGroup.isKnown() && channels.value != perGroup.value * group)
    reject("x has ", channels.value, " channels, the weights want ", perGroup.value, " in each of ", group, " groups");
  if (filters.isKnown() && filters.value % group != 0)
    reject(filters.value, " filters do not divide into ", group, " groups");
}

Type convType(const InferContext& context, DType dtype, size_t weightsInput) {
  requireInputs(context, weightsInput + 1);
  const Type &x = context.input(0), &w = context.input(weightsInput);
  requireChannels(context.node, x, w);
  if (!x.hasRank() && !w.hasRank()) return Type::tensor(dtype);
  const size_t rank = x.hasRank() ? x.rank() : w.rank();
  std::vector<Dim> dims(rank);
  if (x.hasRank()) dims[0] = (*x.dims)[0];
  if (w.hasRank()) dims[1] = (*w.dims)[0];
  const auto kernel = kernelOf(context.node, w);
  if (kernel && x.hasRank()) {
    if (kernel->size() + 2 != rank) reject("x has rank ", rank, ", the kernel has ", kernel->size(), " axes");
    const Window window = windowOf(context.node, *kernel);
    for (size_t axis = 0; axis < kernel->size(); ++axis)
      dims[axis + 2] = windowOutput(window, axis, (*x.dims)[axis + 2]);
  }
  return Type::tensor(dtype, std::move(dims));
}

void inferConv(InferContext& context) {
  context.outputs.at(0) = convType(context, dtypeOfInput(context, 0), 1);
}
void inferConvInteger(InferContext& context) {
  context.outputs.at(0) = convType(context, DType::i32, 1);
}

void inferQLinearConv(InferContext& context) {
  requireInputs(context, 8);
  context.outputs.at(0) = convType(context, dtypeOfInput(context, 7), 3);
}

/// Adds weight * input row to an output row: the part of one kernel row that lies inside the input.
struct RowPass {
  int64_t kernel, stride, dilation, pad, inputWidth, outputWidth;

  void add(const double* input, const double* weights, double* output) const {
    for (int64_t k = 0; k < kernel; ++k) {
      const int64_t shift = k * dilation - pad;  // input index = o * stride + shift
      const int64_t first = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
      const int64_t end = std::min(outputWidth, (inputWidth - shift + stride - 1) / stride);
      const double weight = weights[k];
      const double* from = input + shift;
      if (stride == 1) {
        for (int64_t o = first; o < end; ++o) output[o] += weight * from[o];
      } else {
        for (int64_t o = first; o < end; ++o) output[o] += weight * from[o * stride];
      }
    }
  }
};

/// Adds one input plane, convolved by one kernel plane, to one output plane.
class PlanePass {
 public:
  PlanePass(const Window& window, const std::vector<int64_t>& input, const std::vector<int64_t>& output)
      : window_(window), input_(input), output_(output) {
    const size_t last = window.rank() - 1;
    row_ = {window.kernel[last],    window.strides[last], window.dilations[last],
            window.padsBegin[last], input[last],          output[last]};
  }

  void add(const double* input, const double* weights, double* output) const { add(0, input, weights, output); }

 private:
  void add(size_t axis, const double* input, const double* weights, double* output) const {
    if (axis + 1 == window_.rank()) return row_.add(input, weights, output);
    int64_t inputStep = 1, weightStep = 1, outputStep = 1;
    for (size_t i = axis + 1; i < window_.rank(); ++i) {
      inputStep *= input_[i];
      weightStep *= window_.kernel[i];
      outputStep *= output_[i];
    }
    for (int64_t o = 0; o < output_[axis]; ++o) {
      for (int64_t k = 0; k < window_.kernel[axis]; ++k) {
        const int64_t i = o * window_.strides[axis] + k * window_.dilations[axis] - window_.padsBegin[axis];
        if (i < 0 || i >= input_[axis]) continue;
        add(axis + 1, input + i * inputStep, weights + k * weightStep, output + o * outputStep);
      }
    }
  }

  const Window& window_;
  const std::vector<int64_t>& input_;
  const std::vector<int64_t>& output_;
  RowPass row_{};
};

/// The convolution of x and w, without bias, in double.
std::vector<double> convolve(const Node& node, const std::vector<double>& x, const Shape& xShape,
                             const std::vector<double>& w, const Shape& wShape, const Shape& yShape) {
  Window window = windowOf(node, spatialDims(wShape));
  const auto input = spatialDims(xShape), output = spatialDims(yShape);
  resolvePads(window, input);
  const int64_t group = node.attributes.integer("group", 1);
  const int64_t filters = wShape[0], perGroup = wShape[1], channels = xShape[1];
  const int64_t inputPlane = xShape.count(2, xShape.rank()), weightPlane = wShape.count(2, wShape.rank()),
                outputPlane = yShape.count(2, yShape.rank());
  std::vector<double> y(static_cast<size_t>(yShape.elementCount()), 0.0);
  if (y.empty()) return y;
  const PlanePass pass(window, input, output);
  parallelFor(xShape[0] * filters, [&](int64_t task) {
    const int64_t n = task / filters, m = task % filters;
    const int64_t firstChannel = m / (filters / group) * perGroup;
    for (int64_t c = 0; c < perGroup; ++c)
      pass.add(x.data() + (n * channels + firstChannel + c) * inputPlane, w.data() + (m * perGroup + c) * weightPlane,
               y.data() + task * outputPlane);
  });
  return y;
}

/// values[n, m, ...] = f(m, values[n, m, ...])
template <typename F>
void mapChannels(std::vector<double>& values, const Shape& shape, const F& f) {
  const int64_t plane = shape.count(2, shape.rank()), channels = shape[1];
  parallelFor(shape[0] * channels, [&](int64_t task) {
    for (int64_t i = task * plane; i < (task + 1) * plane; ++i)
      values[static_cast<size_t>(i)] = f(static_cast<size_t>(task % channels), values[static_cast<size_t>(i)]);
  });
}

void requireBias(const Tensor& bias, int64_t filters) {
  if (bias.elementCount() != filters) reject("the bias has shape ", print(bias.shape()), ", expected [", filters, "]");
}

void conv(ReferenceContext& context) {
  const Tensor &x = context.inputs[0], &w = context.inputs[1];
  Buffer& y = context.outputs[0];
  auto values = convolve(context.node, load<double>(x), x.shape(), load<double>(w), w.shape(), y.shape());
  if (context.has(2)) {
    requireBias(context.inputs[2], w.shape()[0]);
    const auto bias = load<double>(context.inputs[2]);
    mapChannels(values, y.shape(), [&](size_t m, double value) { return value + bias[m]; });
  }
  store(std::span<const double>(values), y);
}

void convInteger(ReferenceContext& context) {
  const Tensor &x = context.inputs[0], &w = context.inputs[1];
  const auto xShifted = withoutZeroPoint(x, context.has(2) ? context.inputs[2] : Tensor{}, std::nullopt);
  const auto wShifted = withoutZeroPoint(w, context.has(3) ? context.inputs[3] : Tensor{}, 0);
  const auto values = convolve(context.node, xShifted, x.shape(), wShifted, w.shape(), context.outputs[0].shape());
  store(std::span<const double>(values), context.outputs[0]);
}

/// y = Quantize(x_scale * w_scale[m] * (sum + bias[m])), the scales in double.
void qLinearConv(ReferenceContext& context) {
  const Tensor &x = context.inputs[0], &w = context.inputs[3];
  Buffer& y = context.outputs[0];
  auto values = convolve(context.node, withoutZeroPoint(x, context.inputs[2], std::nullopt), x.shape(),
                         withoutZeroPoint(w, context.inputs[5], 0), w.shape(), y.shape());
  const auto filters = static_cast<size_t>(w.shape()[0]);
  const double xScale = perChannel(context.inputs[1], 1, "x_scale")[0];
  const auto wScale = perChannel(context.inputs[4], filters, "w_scale");
  std::vector<double> bias(filters, 0.0);
  if (context.has(8)) {
    requireBias(context.inputs[8], w.shape()[0]);
    bias = load<double>(context.inputs[8]);
  }
  const Quantizer quantizer(perChannel(context.inputs[6], 1, "y_scale")[0],
                            perChannel(context.inputs[7], 1, "y_zero_point")[0], y.dtype());
  mapChannels(values, y.shape(), [&](size_t m, double sum) {
    return quantizer(static_cast<float>(xScale * wScale[m] * (sum + bias[m])));
  });
  store(std::span<const double>(values), y);
}

/// With constant weights: as DequantizeLinear, Conv and QuantizeLinear, which plans know.
bool lowerQLinearConv(Lowering& node) {
  enum Input : size_t { kX, kXScale, kXZero, kW, kWScale, kWZero, kYScale, kYZero, kBias };
  if (!node.constant(kW) || !node.constant(kWScale) || !node.constant(kWZero) || !node.constant(kXScale) ||
      node.constant(kWScale)->elementCount() != node.constant(kWZero)->elementCount())
    return false;
  const Attributes attributes = node.attributes();
  std::vector<ValueId> inputs = {
      node.emit("DequantizeLinear", {node.input(kX), node.input(kXScale), node.input(kXZero)}),
      node.emit("DequantizeLinear", {node.input(kW), node.input(kWScale), node.input(kWZero)},
                attributesOf({{"axis", int64_t{0}}}))};
  if (node.has(kBias)) {
    const ValueId step = node.emit("Mul", {node.input(kXScale), node.input(kWScale)});
    const ValueId steps =
        node.emit("Cast", {node.input(kBias)}, attributesOf({{"to", static_cast<int64_t>(DType::f32)}}));
    inputs.push_back(node.emit("Mul", {steps, step}));
  }
  const ValueId y = node.emit("Conv", std::move(inputs), attributes);
  node.give(0, node.emit("QuantizeLinear", {y, node.input(kYScale), node.input(kYZero)}));
  return true;
}

}  // namespace

std::vector<OpSpec> convOps() {
  return {
      {"Conv", "", inferConv, conv, {}, "convolution of [N, C, spatial...] by [M, C / group, kernel...]"},
      {"ConvInteger",
       "",
       inferConvInteger,
       convInteger,
       {},
       "convolution of 8-bit integers less their zero points, in int32"},
      {"QLinearConv",
       "",
       inferQLinearConv,
       qLinearConv,
       {},
       "Quantize(Conv(Dequantize(x), Dequantize(w)) + bias)",
       lowerQLinearConv},
  };
}

}  // namespace compress
