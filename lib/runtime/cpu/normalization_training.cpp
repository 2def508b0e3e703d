// BatchNormalization by the batch's own statistics, slopes of activations and average pools, by oneDNN.
#include <limits>

#include "lib/runtime/cpu/conv.h"
#include "lib/runtime/cpu/primitive_kernel.h"
#include "lib/runtime/cpu/training.h"

namespace compress {
namespace {

using dnnl::algorithm;
using dnnl::normalization_flags;

/// Channels last where the rank has such a layout.
Layout channelLayout(const Shape& shape) {
  return shape.rank() >= 3 ? Layout::channelsLast : Layout::plain;
}

const auto kScaleAndShift = normalization_flags::use_scale | normalization_flags::use_shift;

dnnl::batch_normalization_forward::primitive_desc normalizationForward(const KernelRequest& request,
                                                                       const dnnl::memory::desc& data,
                                                                       const dnnl::engine& engine) {
  return {{dnnl::prop_kind::forward_training, data, request.node.attributes.real("epsilon", 1e-5F), kScaleAndShift},
          engine};
}

bool isNormalizable(const KernelRequest& request) {
  const Shape x = request.shape(0);
  return request.dtype(0) == DType::f32 && x.rank() >= 2 && x.rank() <= 5 && x.elementCount() > 0;
}

/// Output `i`, or scratch memory where nobody wants it.
ArgumentPlace outputOrScratch(const KernelRequest& request, PrimitiveChain& chain, const dnnl::memory::desc& desc,
                              size_t i) {
  const bool isOutput = i < request.node.outputs.size() && request.node.outputs[i];
  return isOutput ? ArgumentPlace::output(static_cast<int64_t>(i)) : chain.reserve(desc);
}

/// The first input and output lie in `layout`; what has one element per channel lies plain.
KernelChoice channelChoice(const KernelRequest& request, PrimitiveChain& chain, std::string name, size_t wide,
                           Layout layout) {
  KernelChoice choice = chainChoice(request, chain, std::move(name), Layout::plain);
  for (size_t i = 0; i < wide; ++i) choice.inputLayouts[i] = layout;
  choice.outputLayouts[0] = layout;
  return choice;
}

}  // namespace

KernelChoice makeBatchNormalization(const KernelRequest& request, CpuContext& context) {
  if (!isNormalizable(request)) return notForMe();
  const Shape x = request.shape(0);
  const Layout layout = channelLayout(x);
  const auto data = onednnDesc(x, DType::f32, layout), channel = onednnDesc({x[1]}, DType::f32, Layout::plain);
  const auto description = normalizationForward(request, data, context.engine);
  PrimitiveChain chain(context, request.threads);
  const ArgumentPlace mean = outputOrScratch(request, chain, channel, 1),
                      variance = outputOrScratch(request, chain, channel, 2);
  chain.add(dnnl::batch_normalization_forward(description), {{DNNL_ARG_SRC, data, ArgumentPlace::input(0)},
                                                             {DNNL_ARG_SCALE, channel, ArgumentPlace::input(1)},
                                                             {DNNL_ARG_SHIFT, channel, ArgumentPlace::input(2)},
                                                             {DNNL_ARG_DST, data, ArgumentPlace::output()},
                                                             {DNNL_ARG_MEAN, channel, mean},
                                                             {DNNL_ARG_VARIANCE, channel, variance}});
  return channelChoice(request, chain, description.impl_info_str(), 1, layout);
}

KernelChoice makeBatchNormalizationGrad(const KernelRequest& request, CpuContext& context) {
  if (!isNormalizable(request)) return notForMe();
  const Shape x = request.shape(0);
  const Layout layout = channelLayout(x);
  const auto data = onednnDesc(x, DType::f32, layout), channel = onednnDesc({x[1]}, DType::f32, Layout::plain);
  const auto hint = normalizationForward(request, data, context.engine);
  const dnnl::batch_normalization_backward::primitive_desc description(
      {dnnl::prop_kind::backward, data, data, request.node.attributes.real("epsilon", 1e-5F), kScaleAndShift},
      context.engine, hint);
  PrimitiveChain chain(context, request.threads);
  const ArgumentPlace scale = outputOrScratch(request, chain, channel, 1),
                      shift = outputOrScratch(request, chain, channel, 2);
  chain.add(dnnl::batch_normalization_backward(description),
            {{DNNL_ARG_DIFF_DST, data, ArgumentPlace::input(0)},
             {DNNL_ARG_SRC, data, ArgumentPlace::input(1)},
             {DNNL_ARG_SCALE, channel, ArgumentPlace::input(2)},
             {DNNL_ARG_SHIFT, channel, ArgumentPlace::input(2)},  // wanted, though no gradient depends on it
             {DNNL_ARG_MEAN, channel, ArgumentPlace::input(3)},
             {DNNL_ARG_VARIANCE, channel, ArgumentPlace::input(4)},
             {DNNL_ARG_DIFF_SRC, data, ArgumentPlace::output()},
             {DNNL_ARG_DIFF_SCALE, channel, scale},
             {DNNL_ARG_DIFF_SHIFT, channel, shift}});
  return channelChoice(request, chain, description.impl_info_str(), 2, layout);
}

namespace {

struct EltwiseForm {
  algorithm kind;
  bool usesOutput;
  float alpha = 0, beta = 0;
};

std::optional<EltwiseForm> eltwiseForm(const Node& node) {
  const std::string function = node.attributes.string("function", "");
  const auto real = [&](std::string_view name, float absent) { return node.attributes.real(name, absent); };
  constexpr float kMost = std::numeric_limits<float>::max();
  if (function == "Relu") return EltwiseForm{algorithm::eltwise_relu_use_dst_for_bwd, true};
  if (function == "LeakyRelu") return EltwiseForm{algorithm::eltwise_relu, false, real("alpha", 0.01F)};
  if (function == "Clip")
    return EltwiseForm{algorithm::eltwise_clip_v2, false, real("min", -kMost), real("max", kMost)};
  if (function == "Sigmoid") return EltwiseForm{algorithm::eltwise_logistic_use_dst_for_bwd, true};
  if (function == "Tanh") return EltwiseForm{algorithm::eltwise_tanh_use_dst_for_bwd, true};
  if (function == "HardSwish") return EltwiseForm{algorithm::eltwise_hardswish, false};
  if (function == "Gelu")
    return EltwiseForm{node.attributes.string("approximate", "none") == "tanh" ? algorithm::eltwise_gelu_tanh
                                                                               : algorithm::eltwise_gelu_erf,
                       false};
  if (function == "Swish") return EltwiseForm{algorithm::eltwise_swish, false, real("alpha", 1)};
  return std::nullopt;
}

}  // namespace

KernelChoice makeActivationGrad(const KernelRequest& request, CpuContext& context) {
  const std::optional<EltwiseForm> form = eltwiseForm(request.node);
  const Shape shape = request.shape(0);
  if (!form || request.dtype(0) != DType::f32 || shape.elementCount() == 0) return notForMe();
  const bool isLast = shape.rank() >= 3 && (request.inputLayouts[0] == Layout::channelsLast ||
                                            request.inputLayouts[1] == Layout::channelsLast);
  const auto data = onednnDesc({shape.elementCount()}, DType::f32, Layout::plain);
  const dnnl::eltwise_forward::primitive_desc hint(
      {dnnl::prop_kind::forward_training, form->kind, data, form->alpha, form->beta}, context.engine);
  const dnnl::eltwise_backward::primitive_desc description({form->kind, data, data, form->alpha, form->beta},
                                                           context.engine, hint);
  PrimitiveChain chain(context, request.threads);
  chain.add(dnnl::eltwise_backward(description),
            {{DNNL_ARG_DIFF_DST, data, ArgumentPlace::input(0)},
             {form->usesOutput ? DNNL_ARG_DST : DNNL_ARG_SRC, data, ArgumentPlace::input(1)},
             {DNNL_ARG_DIFF_SRC, data, ArgumentPlace::output()}});
  return chainChoice(request, chain, description.impl_info_str(), isLast ? Layout::channelsLast : Layout::plain);
}

}  // namespace compress
