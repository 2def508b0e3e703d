#include "lib/runtime/cpu/int8/conv.h"

#include <cmath>

#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/base/text.h"

namespace compress::int8 {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;

/// Factor from the accumulator to the result, and bias in units of the accumulator, per output channel.
struct Scaling {
  std::vector<float> factor, bias;
};

Scaling scalingOf(const ConvParameters& p, std::span<const int8_t> weights) {
  const auto channels = static_cast<size_t>(p.outChannels);
  const size_t perChannel = weights.size() / channels;
  Scaling scaling{std::vector<float>(channels), std::vector<float>(channels)};
  for (size_t m = 0; m < channels; ++m) {
    const double accumulator = double{p.x.scale} * p.weightScales[p.weightScales.size() == 1 ? 0 : m];
    int64_t sum = 0;
    for (const int8_t w : weights.subspan(m * perChannel, perChannel)) sum += w;
    double bias = -static_cast<double>(sum * p.x.zero);
    if (!p.bias.empty()) bias += p.bias[m] / accumulator;
    const double factor = p.floatResult ? accumulator : accumulator / p.y.scale;
    if (!p.floatResult) bias += p.y.zero / factor;
    scaling.factor[m] = static_cast<float>(factor);
    scaling.bias[m] = static_cast<float>(bias);
  }
  return scaling;
}

/// A Clip that saturation does not do already.
dnnl::post_ops clipOf(const ConvParameters& p) {
  dnnl::post_ops post;
  double low = p.low, high = p.high;
  if (!p.floatResult) {
    low = p.low / p.y.scale + p.y.zero;
    high = p.high / p.y.scale + p.y.zero;
    if (low <= p.y.lowest() && high >= p.y.highest()) return post;
  }
  if (std::isinf(low) && std::isinf(high)) return post;
  constexpr double kHuge = std::numeric_limits<float>::max();
  post.append_eltwise(1.F, dnnl::algorithm::eltwise_clip, static_cast<float>(std::max(low, -kHuge)),
                      static_cast<float>(std::min(high, kHuge)));
  return post;
}

struct Descriptors {
  memory::desc x, weights, weightsPlain, bias, y;
};

Descriptors descriptorsOf(const ConvParameters& p) {
  const int64_t m = p.outChannels, c = p.shape.channels, g = p.group;
  const bool grouped = g > 1;
  const memory::dims dims = grouped ? memory::dims{g, m / g, c / g, p.kernelHeight, p.kernelWidth}
                                    : memory::dims{m, c, p.kernelHeight, p.kernelWidth};
  const auto result = p.floatResult ? memory::data_type::f32 : onednnType(p.y.dtype);
  return {memory::desc({p.shape.images, c, p.shape.height, p.shape.width}, onednnType(p.x.dtype), Tag::nhwc),
          memory::desc(dims, memory::data_type::s8, Tag::any),
          memory::desc(dims, memory::data_type::s8, grouped ? Tag::goihw : Tag::oihw),
          memory::desc({m}, memory::data_type::f32, Tag::x),
          memory::desc({p.shape.images, m, p.outHeight(), p.outWidth()}, result, Tag::nhwc)};
}

int64_t outExtent(int64_t in, int64_t before, int64_t after, int64_t kernel, int64_t dilation, int64_t stride) {
  return (in + before + after - ((kernel - 1) * dilation + 1)) / stride + 1;
}

/// Does every window hold a position of the image?
bool everyWindowTouches(int64_t in, int64_t out, int64_t before, int64_t kernel, int64_t dilation, int64_t stride) {
  for (int64_t o = 0; o < out; ++o) {
    bool touches = false;
    for (int64_t k = 0; k < kernel; ++k) {
      const int64_t at = o * stride - before + k * dilation;
      touches = touches || (at >= 0 && at < in);
    }
    if (!touches) return false;
  }
  return true;
}

/// Threads that are worth waking: small Convs take less time than waking costs. The rates are those of one core
/// (multiply-adds and bytes per ns); bytes do not depend on the choice.
int threadsWorth(const ConvParameters& p, std::string_view kernel, int64_t macs, int threads) {
  const double macsPerNs = kernel.starts_with("brdgmm") ? 27 : kernel.find("amx") != kernel.npos ? 700 : 60;
  const int64_t written = p.shape.images * p.outChannels * p.outHeight() * p.outWidth() * (p.floatResult ? 4 : 1);
  const double ns = static_cast<double>(macs) / macsPerNs + static_cast<double>(p.shape.elementCount() + written) / 20;
  constexpr double kWorthNs = 6000;
  return ns < kWorthNs ? 1 : threads;
}

}  // namespace

bool ConvParameters::canPad() const {
  return x.zero == 0 && everyWindowTouches(shape.height, outHeight(), top, kernelHeight, dilationH, strideH) &&
         everyWindowTouches(shape.width, outWidth(), left, kernelWidth, dilationW, strideW);
}
int64_t ConvParameters::outHeight() const {
  return outExtent(shape.height, top, bottom, kernelHeight, dilationH, strideH);
}
int64_t ConvParameters::outWidth() const {
  return outExtent(shape.width, left, right, kernelWidth, dilationW, strideW);
}

QuantizedConv::QuantizedConv(const ConvParameters& p, const Tensor& weights, CpuContext& context, int threads) {
  if (p.top + p.left + p.bottom + p.right > 0 && !p.canPad())
    throw Error(ErrorKind::bug, text("a quantized Conv that pads needs a border: zero point ", p.x.zero));
  Scaling scaling = scalingOf(p, weights.as<int8_t>());
  bias_ = std::move(scaling.bias);
  const Descriptors d = descriptorsOf(p);
  dnnl::primitive_attr attributes;
  attributes.set_output_scales(2, scaling.factor);
  attributes.set_post_ops(clipOf(p));
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::convolution_forward::desc operation(
      dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, d.x, d.weights, d.bias, d.y,
      {p.strideH, p.strideW}, {p.dilationH - 1, p.dilationW - 1}, {p.top, p.left}, {p.bottom, p.right});
  macs_ = p.shape.images * p.outChannels * p.outHeight() * p.outWidth() * (p.shape.channels / p.group) *
          p.kernelHeight * p.kernelWidth;
  dnnl::convolution_forward::primitive_desc choice;
  const auto chooseFor = [&](int count) {  // a primitive divides its work when it is made
    const ThreadLimit limit(count);
    choice = {operation, attributes, context.engine};
  };
  chooseFor(threads);
  const int used = threadsWorth(p, choice.impl_info_str(), macs_, threads);
  if (used != threads) chooseFor(used);
  const ThreadLimit limit(used);
  name_ = choice.impl_info_str();
  weights_ = context.packed.reordered(weights, d.weightsPlain, choice.weights_desc(), context.engine);
  scratchBytes_ = static_cast<int64_t>(choice.scratchpad_desc().get_size());
  const std::pair<int, memory::desc> arguments[] = {{DNNL_ARG_SRC, choice.src_desc()},
                                                    {DNNL_ARG_WEIGHTS, choice.weights_desc()},
                                                    {DNNL_ARG_BIAS, choice.bias_desc()},
                                                    {DNNL_ARG_DST, choice.dst_desc()},
                                                    {DNNL_ARG_SCRATCHPAD, choice.scratchpad_desc()}};
  primitive_ = std::make_unique<BoundPrimitive>(dnnl::convolution_forward(choice), context.engine, arguments, used);
  primitive_->point(1, weights_->data());
  primitive_->point(2, bias_.data());
}

QuantizedConv::~QuantizedConv() = default;

std::string QuantizedConv::name() const {
  return name_;
}

void QuantizedConv::bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte* scratch) {
  primitive_->point(0, inputs[0]);
  primitive_->point(3, outputs[0]);
  primitive_->point(4, scratch);
}

void QuantizedConv::run() {
  primitive_->run();
}

}  // namespace compress::int8
