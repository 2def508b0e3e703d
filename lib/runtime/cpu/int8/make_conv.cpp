// QuantizedConv as a step: geometry and constants from the fused node.
#include "lib/runtime/cpu/int8/make_conv.h"

#include "lib/runtime/cpu/int8/makers.h"
#include "lib/runtime/cpu/int8/wide_channels.h"

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

/// A Conv, and behind it the channels that it could not do.
class ConvWithWideChannels : public Kernel {
 public:
  ConvWithWideChannels(std::unique_ptr<QuantizedConv> conv, WideChannels wide, int threads)
      : conv_(std::move(conv)), wide_(std::move(wide)), threads_(threads) {}
  std::string name() const override { return conv_->name(); }
  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte* scratch) override {
    conv_->bind(inputs, outputs, scratch);
    x_ = inputs[0];
    y_ = outputs[0];
  }
  void run() override {
    conv_->run();
    wide_.run(x_, y_, threads_);
  }
  int64_t macs() const override { return conv_->macs(); }

 private:
  std::unique_ptr<QuantizedConv> conv_;
  WideChannels wide_;
  int threads_;
  const std::byte* x_ = nullptr;
  std::byte* y_ = nullptr;
};

ConvParameters parametersOf(const KernelRequest& request) {
  const Node& node = request.node;
  ConvParameters p = geometryOf(request);
  p.x = quantizationOf(node.attributes, "x");
  p.y = quantizationOf(node.attributes, "y");
  if (request.outputDtype() == DType::f32) p.result = ConvResult::reals;
  const auto scales = request.constant(2)->as<float>();
  p.weightScales.assign(scales.begin(), scales.end());
  if (const Tensor* bias = request.constant(3)) p.bias.assign(bias->as<double>().begin(), bias->as<double>().end());
  constexpr float kUnbounded = std::numeric_limits<float>::max();
  const float low = node.attributes.real("low", -kUnbounded), high = node.attributes.real("high", kUnbounded);
  if (low > -kUnbounded) p.low = low;
  if (high < kUnbounded) p.high = high;
  return p;
}

}  // namespace

ConvParameters geometryOf(const KernelRequest& request) {
  const Shape& weights = request.constant(1)->shape();
  ConvParameters p;
  p.outChannels = weights[0];
  if (request.node.attributes.has("rows"))
    setRows(p, request.shape(0));
  else
    setSpatial(p, request.node, request.shape(0), weights);
  return p;
}

std::unique_ptr<QuantizedConv> makeConv(const ConvParameters& p, const Tensor& weights, CpuContext& context,
                                        int threads) {
  const Shape shape{p.outChannels, p.shape.channels / p.group, p.kernelHeight, p.kernelWidth};
  return std::make_unique<QuantizedConv>(p, weights.reshaped(shape), context, threads);
}

KernelChoice makeQuantizedConv(const KernelRequest& request, CpuContext& context) {
  const Node& node = request.node;
  const ConvParameters p = parametersOf(request);
  auto kernel = makeConv(p, *request.constant(1), context, request.threads);
  KernelChoice choice;
  const Layout layout = node.attributes.has("rows") ? Layout::plain : Layout::channelsLast;
  choice.inputLayouts.assign(node.inputs.size(), Layout::plain);
  choice.inputLayouts[0] = layout;
  choice.inputUsed.assign(node.inputs.size(), false);
  choice.inputUsed[0] = true;
  choice.outputLayouts = {layout};
  choice.scratchBytes = kernel->scratchBytes();
  if (request.has(5))
    choice.kernel = std::make_unique<ConvWithWideChannels>(
        std::move(kernel), WideChannels(p, request.constant(4)->as<int64_t>(), *request.constant(5)), request.threads);
  else
    choice.kernel = std::move(kernel);
  return choice;
}

}  // namespace compress::int8
