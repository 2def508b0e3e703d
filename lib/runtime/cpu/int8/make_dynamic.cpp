// DynamicQuantizeLinear and IntegerConv as steps.
#include "lib/runtime/cpu/int8/byte_kernel.h"
#include "lib/runtime/cpu/int8/dynamic.h"
#include "lib/runtime/cpu/int8/make_conv.h"
#include "lib/runtime/cpu/int8/makers.h"
#include "lib/runtime/cpu/int8/table.h"

namespace compress::int8 {
namespace {

/// oneDNN's sums, then the zero point, the scale and the bias in their place. Where the Conv pads, the source is copied
/// into a border that holds the zero point.
class IntegerConv : public Kernel {
 public:
  IntegerConv(std::unique_ptr<QuantizedConv> conv, SumScaling scaling, int64_t rows, std::optional<Grid> border,
              DType dtype)
      : conv_(std::move(conv)), scaling_(std::move(scaling)), rows_(rows), border_(border), dtype_(dtype) {}

  std::string name() const override { return conv_->name(); }
  int64_t macs() const override { return conv_->macs(); }
  int64_t scratchBytes() const { return borderBytes() + conv_->scratchBytes(); }

  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte* scratch) override {
    x_ = reinterpret_cast<const uint8_t*>(inputs[0]);
    zero_ = inputs.size() > 2 ? inputs[2] : nullptr;
    scales_ = inputs.size() > 3 ? reinterpret_cast<const float*>(inputs[3]) : nullptr;
    sums_ = outputs[0];
    bordered_ = reinterpret_cast<uint8_t*>(scratch);
    std::byte* const source = border_ ? scratch : inputs[0];
    conv_->bind({&source, 1}, outputs, scratch + borderBytes());
  }

  void run() override {
    const int32_t zero = zero_ == nullptr ? 0 : integerOf(static_cast<uint8_t>(*zero_), dtype_);
    if (border_) {
      border_->fill = static_cast<uint8_t>(zero);
      copyRows(x_, bordered_, *border_);
    }
    conv_->run();
    scaling_.run(sums_, rows_, zero, scales_);
  }

 private:
  int64_t borderBytes() const { return border_ ? (border_->totalBytes() + 63) / 64 * 64 : 0; }

  std::unique_ptr<QuantizedConv> conv_;
  SumScaling scaling_;
  int64_t rows_;
  std::optional<Grid> border_;
  DType dtype_;  ///< of the source
  const uint8_t* x_ = nullptr;
  const std::byte* zero_ = nullptr;
  const float* scales_ = nullptr;
  uint8_t* bordered_ = nullptr;
  std::byte* sums_ = nullptr;
};

SumScaling scalingOf(const KernelRequest& request) {
  const Tensor& weights = *request.constant(1);
  const auto channels = static_cast<size_t>(weights.shape()[0]);
  const auto values = weights.as<int8_t>();
  SumScaling scaling;
  for (size_t m = 0; m < channels; ++m) {
    int32_t sum = 0;
    for (const int8_t w : values.subspan(m * (values.size() / channels), values.size() / channels)) sum += w;
    scaling.weightSums.push_back(sum);
  }
  scaling.scaleCount = request.has(3) ? request.shape(3).elementCount() : 0;
  // -0 is what changes no sum, not even one of -0.
  scaling.bias.assign(channels, -0.0F);
  if (const Tensor* bias = request.constant(4))
    for (size_t m = 0; m < channels; ++m) scaling.bias[m] = bias->as<float>()[bias->elementCount() == 1 ? 0 : m];
  return scaling;
}

}  // namespace

KernelChoice makeIntegerConv(const KernelRequest& request, CpuContext& context) {
  ConvParameters p = geometryOf(request);
  p.x.dtype = request.dtype(0);
  p.result = ConvResult::sums;
  const Border border{p.top, p.left, p.bottom, p.right};
  std::optional<Grid> grid;
  if (!border.empty()) {
    grid = gridOf(p.shape, border, 0);
    p.shape.height += p.top + p.bottom;
    p.shape.width += p.left + p.right;
    p.top = p.left = p.bottom = p.right = 0;
  }
  auto kernel =
      std::make_unique<IntegerConv>(makeConv(p, *request.constant(1), context, request.threads), scalingOf(request),
                                    p.shape.images * p.outHeight() * p.outWidth(), grid, p.x.dtype);
  KernelChoice choice;
  const Layout layout = request.node.attributes.has("rows") ? Layout::plain : Layout::channelsLast;
  choice.inputLayouts.assign(request.node.inputs.size(), Layout::plain);
  choice.inputLayouts[0] = layout;
  choice.inputUsed = {true, false, true, true, false};
  choice.inputUsed.resize(request.node.inputs.size());
  choice.outputLayouts = {layout};
  choice.scratchBytes = kernel->scratchBytes();
  choice.kernel = std::move(kernel);
  return choice;
}

KernelChoice makeDynamicQuantizeLinear(const KernelRequest& request, CpuContext&) {
  if (request.dtype(0) != DType::f32) return notForMe();
  const int64_t count = request.outputShape().elementCount();
  KernelChoice choice;
  choice.inputLayouts = {request.inputLayouts[0]};
  choice.outputLayouts.assign(request.node.outputs.size(), Layout::plain);
  choice.outputLayouts[0] = request.inputLayouts[0];
  choice.kernel = std::make_unique<ByteKernel>("range, quantize", [count](const Pointers& at) {
    const Quantization q = rangeQuantization(at.floats(), count);
    quantize(q, at.floats(), at.y(), count);
    if (at.outputs.size() > 1 && at.outputs[1]) *reinterpret_cast<float*>(at.outputs[1]) = q.scale;
    if (at.outputs.size() > 2 && at.outputs[2]) *at.outputs[2] = static_cast<std::byte>(q.zero);
  });
  return choice;
}

}  // namespace compress::int8
