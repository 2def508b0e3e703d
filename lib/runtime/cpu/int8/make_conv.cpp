// QuantizedConv as a step: geometry and constants from the fused node.
#include "lib/runtime/cpu/int8/conv.h"
#include "lib/runtime/cpu/int8/makers.h"

namespace compress::int8 {
namespace {

/// MatMul and Gemm are a 1x1 Conv of one column: rows are pixels.
void setRows(ConvParameters& p, const Shape& x) {
  const int64_t channels = x[x.rank() - 1];
  p.shape = {1, channels, x.elementCount() / channels, 1};
}

void setSpatial(ConvParameters& p, const Node& node, const Shape& x, const Shape& w) {
  const bool flat = x.rank() == 3;
  const auto strides = node.attributes.integers("strides"), dilations = node.attributes.integers("dilations");
  const auto before = node.attributes.integers("before"), after = node.attributes.integers("after");
  p.shape = {x[0], x[1], flat ? 1 : x[2], x[x.rank() - 1]};
  p.group = node.attributes.integer("group", 1);
  p.kernelWidth = w[w.rank() - 1];
  p.strideW = strides.back(), p.dilationW = dilations.back(), p.left = before.back(), p.right = after.back();
  if (flat) return;
  p.kernelHeight = w[2];
  p.strideH = strides[0], p.dilationH = dilations[0], p.top = before[0], p.bottom = after[0];
}

/// The weights in the rank that the kernel expects.
Tensor imageWeights(const Tensor& weights, const ConvParameters& p) {
  return weights.reshaped(Shape{p.outChannels, p.shape.channels / p.group, p.kernelHeight, p.kernelWidth});
}

}  // namespace

KernelChoice makeQuantizedConv(const KernelRequest& request, CpuContext& context) {
  const Node& node = request.node;
  const bool isRows = node.attributes.has("rows");
  const Tensor& weights = *request.constant(1);
  ConvParameters p;
  p.outChannels = weights.shape()[0];
  if (isRows)
    setRows(p, request.shape(0));
  else
    setSpatial(p, node, request.shape(0), weights.shape());
  p.x = quantizationOf(node.attributes, "x");
  p.y = quantizationOf(node.attributes, "y");
  p.floatResult = request.outputDtype() == DType::f32;
  const auto scales = request.constant(2)->as<float>();
  p.weightScales.assign(scales.begin(), scales.end());
  if (const Tensor* bias = request.constant(3)) p.bias.assign(bias->as<double>().begin(), bias->as<double>().end());
  constexpr float kUnbounded = std::numeric_limits<float>::max();
  const float low = node.attributes.real("low", -kUnbounded), high = node.attributes.real("high", kUnbounded);
  if (low > -kUnbounded) p.low = low;
  if (high < kUnbounded) p.high = high;
  auto kernel = std::make_unique<QuantizedConv>(p, imageWeights(weights, p), context, request.threads);
  KernelChoice choice;
  const Layout layout = isRows ? Layout::plain : Layout::channelsLast;
  choice.inputLayouts.assign(node.inputs.size(), Layout::plain);
  choice.inputLayouts[0] = layout;
  choice.inputUsed.assign(node.inputs.size(), false);
  choice.inputUsed[0] = true;
  choice.outputLayouts = {layout};
  choice.scratchBytes = kernel->scratchBytes();
  choice.kernel = std::move(kernel);
  return choice;
}

}  // namespace compress::int8
