#include "lib/runtime/cpu/int8/conv.h"

#include <algorithm>
#include <cmath>

#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/base/text.h"
#include "lib/runtime/cpu/int8/requantize.h"

namespace compress::int8 {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;

struct Scaling {
  std::vector<float> factor, bias;
};

Scaling scalingOf(const ConvParameters& p, std::span<const int8_t> weights) {
  const auto channels = static_cast<size_t>(p.outChannels);
  const size_t perChannel = weights.size() / channels;
  Scaling scaling;
  for (size_t m = 0; m < channels; ++m) {
    int64_t sum = 0;
    for (const int8_t w : weights.subspan(m * perChannel, perChannel)) sum += w;
    const ChannelScaling channel = scalingOf(p, m, sum);
    scaling.factor.push_back(channel.factor);
    scaling.bias.push_back(channel.bias);
  }
  return scaling;
}

/// To the nearest step first, then the zero point: their sum in f32 would move what lies near a tie.
void appendZero(dnnl::post_ops& post, const ConvParameters& p, bool rounded) {
  if (p.result != ConvResult::steps || p.y.zero == 0) return;
  if (rounded) post.append_eltwise(1.F, dnnl::algorithm::eltwise_round, 0.F, 0.F);
  post.append_eltwise(1.F, dnnl::algorithm::eltwise_linear, 1.F, static_cast<float>(p.y.zero));
}

/// A Clip that saturation does not do already.
void appendClip(dnnl::post_ops& post, const ConvParameters& p) {
  double low = p.low, high = p.high;
  if (p.result == ConvResult::steps) {
    low = p.low / p.y.scale + p.y.zero;
    high = p.high / p.y.scale + p.y.zero;
    if (low <= p.y.lowest() && high >= p.y.highest()) return;
  }
  if (std::isinf(low) && std::isinf(high)) return;
  constexpr double kHuge = std::numeric_limits<float>::max();
  post.append_eltwise(1.F, dnnl::algorithm::eltwise_clip, static_cast<float>(std::max(low, -kHuge)),
                      static_cast<float>(std::min(high, kHuge)));
}

dnnl::primitive_attr attributesOf(const ConvParameters& p, const std::vector<float>& factor, bool rounded) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (p.result == ConvResult::sums) return attributes;  // nothing that would take them through f32
  dnnl::post_ops post;
  appendZero(post, p, rounded);
  appendClip(post, p);
  attributes.set_output_scales(2, factor);
  attributes.set_post_ops(post);
  return attributes;
}

struct Descriptors {
  memory::desc x, weights, weightsPlain, bias, y;
};

/// Could two neighbouring products of bytes exceed 16 bits, or are weights halved?
bool canSaturate(const ConvParameters& p, std::span<const int8_t> weights) {
  constexpr int kSafe = 64;
  if (hasExactByteProducts()) return false;
  return p.x.dtype != DType::u8 || std::ranges::any_of(weights, [](int8_t w) { return std::abs(int{w}) > kSafe; });
}

Descriptors descriptorsOf(const ConvParameters& p, bool isInReals) {
  const int64_t m = p.outChannels, c = p.shape.channels, g = p.group;
  const bool grouped = g > 1;
  const memory::dims dims = grouped ? memory::dims{g, m / g, c / g, p.kernelHeight, p.kernelWidth}
                                    : memory::dims{m, c, p.kernelHeight, p.kernelWidth};
  const bool isSums = p.result == ConvResult::sums;
  const auto result = isInReals                       ? memory::data_type::f32
                      : isSums                        ? memory::data_type::s32
                      : p.result == ConvResult::reals ? memory::data_type::f32
                                                      : onednnType(p.y.dtype);
  const auto source = isInReals ? memory::data_type::f32 : onednnType(p.x.dtype);
  return {memory::desc({p.shape.images, c, p.shape.height, p.shape.width}, source, Tag::nhwc),
          memory::desc(dims, isInReals ? memory::data_type::f32 : memory::data_type::s8, Tag::any),
          memory::desc(dims, memory::data_type::s8, grouped ? Tag::goihw : Tag::oihw),
          isSums || isInReals ? memory::desc() : memory::desc({m}, memory::data_type::f32, Tag::x),
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
  const int64_t written = p.shape.images * p.outChannels * p.outHeight() * p.outWidth() * p.resultBytes();
  const double ns = static_cast<double>(macs) / macsPerNs + static_cast<double>(p.shape.elementCount() + written) / 20;
  constexpr double kWorthNs = 6000;
  return ns < kWorthNs ? 1 : threads;
}

struct Made {
  dnnl::convolution_forward::primitive_desc choice;
  dnnl::convolution_forward convolution;
  int threads;
};

Made makeWith(const dnnl::primitive_attr& attributes, const ConvParameters& p, const Descriptors& d, int64_t macs,
              const dnnl::engine& engine, int threads) {
  const dnnl::convolution_forward::desc operation(
      dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, d.x, d.weights, d.bias, d.y,
      {p.strideH, p.strideW}, {p.dilationH - 1, p.dilationW - 1}, {p.top, p.left}, {p.bottom, p.right});
  Made made{{}, {}, threads};
  const auto choose = [&] {  // a primitive divides its work when it is made
    const ThreadLimit limit(made.threads);
    made.choice = {operation, attributes, engine};
  };
  choose();
  made.threads = threadsWorth(p, made.choice.impl_info_str(), macs, threads);
  if (made.threads != threads) choose();
  const ThreadLimit limit(made.threads);
  made.convolution = dnnl::convolution_forward(made.choice);
  return made;
}

/// (sum + bias) * factor per channel, bounded; steps are rounded, and `zero` added.
struct RowScaling {
  const float *factor, *bias;
  float low, high;
  int32_t zero;
};
COMPRESS_VECTOR_CLONES void scaleRow(const float* sums, float* y, int64_t channels, const RowScaling& to) {
  const RowScaling r = to;
  for (int64_t m = 0; m < channels; ++m) y[m] = clampReal((sums[m] + r.bias[m]) * r.factor[m], r.low, r.high);
}
COMPRESS_VECTOR_CLONES void scaleRow(const float* sums, uint8_t* y, int64_t channels, const RowScaling& to) {
  const RowScaling r = to;
  for (int64_t m = 0; m < channels; ++m)
    y[m] = static_cast<uint8_t>(roundEven(clampReal((sums[m] + r.bias[m]) * r.factor[m], r.low, r.high), r.zero));
}

Made makeConvolution(const ConvParameters& p, const Descriptors& d, const std::vector<float>& factor, int64_t macs,
                     const dnnl::engine& engine, int threads, bool isInReals) {
  if (isInReals) {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    return makeWith(attributes, p, d, macs, engine, threads);
  }
  try {
    return makeWith(attributesOf(p, factor, true), p, d, macs, engine, threads);
  } catch (const dnnl::error&) {  // 2.6.3 cannot encode eltwise_round for half registers, of 8 channels a group
    return makeWith(attributesOf(p, factor, false), p, d, macs, engine, threads);
  }
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

QuantizedConv::QuantizedConv(const ConvParameters& p, const Tensor& weights, CpuContext& context, int threads)
    : parameters_(p), isInReals_(canSaturate(p, weights.as<int8_t>())) {
  if (p.top + p.left + p.bottom + p.right > 0 && !p.canPad())
    throw Error(ErrorKind::bug, text("a quantized Conv that pads needs a border: zero point ", p.x.zero));
  const bool isSums = p.result == ConvResult::sums;
  Scaling scaling = isSums ? Scaling{} : scalingOf(p, weights.as<int8_t>());
  const Descriptors d = descriptorsOf(p, isInReals_);
  macs_ = p.shape.images * p.outChannels * p.outHeight() * p.outWidth() * (p.shape.channels / p.group) *
          p.kernelHeight * p.kernelWidth;
  const Made made = makeConvolution(p, d, scaling.factor, macs_, context.engine, threads, isInReals_);
  factor_ = std::move(scaling.factor);
  bias_ = std::move(scaling.bias);
  const auto& choice = made.choice;
  name_ = text(isInReals_ ? "as floats: " : "", choice.impl_info_str());
  weights_ = context.packed.reordered(weights, d.weightsPlain, choice.weights_desc(), context.engine);
  const auto aligned = [](size_t bytes) { return static_cast<int64_t>((bytes + 63) / 64 * 64); };
  realBytes_ = isInReals_ ? aligned(choice.src_desc().get_size()) : 0;
  sumBytes_ = isInReals_ ? aligned(choice.dst_desc().get_size()) : 0;
  scratchBytes_ = realBytes_ + sumBytes_ + static_cast<int64_t>(choice.scratchpad_desc().get_size());
  const std::pair<int, memory::desc> arguments[] = {{DNNL_ARG_SRC, choice.src_desc()},
                                                    {DNNL_ARG_WEIGHTS, choice.weights_desc()},
                                                    {DNNL_ARG_BIAS, choice.bias_desc()},
                                                    {DNNL_ARG_DST, choice.dst_desc()},
                                                    {DNNL_ARG_SCRATCHPAD, choice.scratchpad_desc()}};
  primitive_ = std::make_unique<BoundPrimitive>(made.convolution, context.engine, arguments, made.threads);
  primitive_->point(1, weights_->data());
  if (!isInReals_) primitive_->point(2, bias_.data());
}

QuantizedConv::~QuantizedConv() = default;

std::string QuantizedConv::name() const {
  return name_;
}

void QuantizedConv::bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte* scratch) {
  source_ = inputs[0];
  result_ = outputs[0];
  reals_ = reinterpret_cast<float*>(scratch);
  sums_ = reinterpret_cast<float*>(scratch + realBytes_);
  primitive_->point(0, isInReals_ ? scratch : inputs[0]);
  primitive_->point(3, isInReals_ ? scratch + realBytes_ : outputs[0]);
  primitive_->point(4, scratch + realBytes_ + sumBytes_);
}

void QuantizedConv::run() {
  if (isInReals_)
    dequantize({1, 0, parameters_.x.dtype}, reinterpret_cast<const uint8_t*>(source_), reals_,
               parameters_.shape.elementCount());
  primitive_->run();
  if (isInReals_) finish();
}

/// From sums in floats to the result.
void QuantizedConv::finish() const {
  const ConvParameters& p = parameters_;
  const int64_t channels = p.outChannels, pixels = p.shape.images * p.outHeight() * p.outWidth();
  const auto low = static_cast<float>(p.low), high = static_cast<float>(p.high);
  const Steps bounds = stepsWithin(p.y, low, high);
  splitRange(pixels, 1, threadsFor(static_cast<double>(pixels * channels)), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float* from = sums_ + i * channels;
      std::byte* to = result_ + i * channels * p.resultBytes();
      if (p.result == ConvResult::sums)
        std::copy_n(from, channels, reinterpret_cast<int32_t*>(to));
      else if (p.result == ConvResult::reals)
        scaleRow(from, reinterpret_cast<float*>(to), channels, {factor_.data(), bias_.data(), low, high, 0});
      else
        scaleRow(from, reinterpret_cast<uint8_t*>(to), channels,
                 {factor_.data(), bias_.data(), bounds.low, bounds.high, p.y.zero});
    }
  });
}

}  // namespace compress::int8
