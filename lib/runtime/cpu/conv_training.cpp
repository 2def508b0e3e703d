// Convolution in training, by oneDNN in channels-last layout: forward with weights that change, and both gradients.
// Weights and their gradients lie plain in the plan; the primitives' own layouts are scratch memory.
#include <algorithm>

#include "lib/runtime/cpu/conv.h"
#include "lib/runtime/cpu/primitive_kernel.h"
#include "lib/runtime/cpu/training.h"

namespace compress {
namespace {

using dnnl::algorithm;

/// One convolution: x [N, C, ...], w [M, C/g, ...], y [N, M, ...], all f32.
struct Convolution {
  Convolution(const Node& node, const Shape& x, const Shape& w, const Shape& y)
      : geometry(convGeometry(node, x, w, y)),
        grouped(groupedShape(w, geometry.groups)),
        source(onednnDesc(x, DType::f32, Layout::channelsLast)),
        target(onednnDesc(y, DType::f32, Layout::channelsLast)),
        weights(onednnAny(grouped, DType::f32)),
        plainWeights(onednnDesc(grouped, DType::f32, Layout::plain)),
        macs(y.elementCount() * w.count(1, w.rank())) {}

  dnnl::convolution_forward::primitive_desc forward(const dnnl::engine& engine, const dnnl::memory::desc& bias) const {
    return {{dnnl::prop_kind::forward_training, algorithm::convolution_direct, source, weights, bias, target,
             geometry.strides, geometry.dilations, geometry.before, geometry.after},
            engine};
  }

  /// `Backward`: convolution_backward_data or convolution_backward_weights.
  template <typename Backward>
  typename Backward::primitive_desc backward(const dnnl::engine& engine) const {
    return {{algorithm::convolution_direct, source, weights, target, geometry.strides, geometry.dilations,
             geometry.before, geometry.after},
            engine,
            forward(engine, {})};
  }

  ConvGeometry geometry;
  Shape grouped;
  dnnl::memory::desc source, target, weights, plainWeights;
  int64_t macs;
};

bool isHandled(const Shape& x, const Shape& w, const Shape& y, DType dtype) {
  return dtype == DType::f32 && x.rank() >= 3 && x.rank() <= 5 && x.elementCount() > 0 && w.elementCount() > 0 &&
         y.elementCount() > 0;
}

/// Weights lie plain, all else channels last.
KernelChoice convChoice(const KernelRequest& request, PrimitiveChain& chain, std::string name, int64_t macs) {
  KernelChoice choice = chainChoice(request, chain, std::move(name), Layout::plain, macs);
  for (size_t i = 0; i < request.node.inputs.size(); ++i)
    if (request.has(i) && request.node.op != "Conv") choice.inputLayouts[i] = Layout::channelsLast;
  return choice;
}

}  // namespace

KernelChoice makeConvOfVariableWeights(const KernelRequest& request, CpuContext& context) {
  if (!isHandled(request.shape(0), request.shape(1), request.outputShape(), request.dtype(0)) ||
      !request.fused.post.empty())
    return notForMe();
  const Convolution conv(request.node, request.shape(0), request.shape(1), request.outputShape());
  const auto bias = request.has(2) ? onednnDesc(request.shape(2), DType::f32, Layout::plain) : dnnl::memory::desc();
  const auto description = conv.forward(context.engine, bias);
  PrimitiveChain chain(context, request.threads);
  std::vector<PrimitiveChain::Argument> arguments = {
      {DNNL_ARG_SRC, conv.source, ArgumentPlace::input(0)},
      chain.wanted(DNNL_ARG_WEIGHTS, 1, conv.plainWeights, description.weights_desc()),
      {DNNL_ARG_DST, conv.target, ArgumentPlace::output()}};
  if (request.has(2)) arguments.push_back({DNNL_ARG_BIAS, bias, ArgumentPlace::input(2)});
  chain.add(dnnl::convolution_forward(description), arguments);
  KernelChoice choice =
      convChoice(request, chain, std::string("changing weights, ") + description.impl_info_str(), conv.macs);
  choice.inputLayouts[0] = Layout::channelsLast;
  choice.outputLayouts[0] = Layout::channelsLast;
  return choice;
}

KernelChoice makeConvGradData(const KernelRequest& request, CpuContext& context) {
  const Shape g = request.shape(0), w = request.shape(1), x = request.outputShape();
  if (!isHandled(x, w, g, request.dtype(0))) return notForMe();
  const Convolution conv(request.node, x, w, g);
  const auto description = conv.backward<dnnl::convolution_backward_data>(context.engine);
  PrimitiveChain chain(context, request.threads);
  chain.add(dnnl::convolution_backward_data(description),
            {{DNNL_ARG_DIFF_DST, conv.target, ArgumentPlace::input(0)},
             chain.wanted(DNNL_ARG_WEIGHTS, 1, conv.plainWeights, description.weights_desc()),
             {DNNL_ARG_DIFF_SRC, conv.source, ArgumentPlace::output()}});
  KernelChoice choice = convChoice(request, chain, description.impl_info_str(), conv.macs);
  choice.inputLayouts[1] = Layout::plain;
  choice.outputLayouts[0] = Layout::channelsLast;
  return choice;
}

KernelChoice makeConvGradWeights(const KernelRequest& request, CpuContext& context) {
  const Shape x = request.shape(0), g = request.shape(1), w = request.outputShape();
  if (!isHandled(x, w, g, request.dtype(0))) return notForMe();
  const Convolution conv(request.node, x, w, g);
  const auto description = conv.backward<dnnl::convolution_backward_weights>(context.engine);
  PrimitiveChain chain(context, request.threads);
  chain.add(dnnl::convolution_backward_weights(description),
            {{DNNL_ARG_SRC, conv.source, ArgumentPlace::input(0)},
             {DNNL_ARG_DIFF_DST, conv.target, ArgumentPlace::input(1)},
             chain.given(DNNL_ARG_DIFF_WEIGHTS, 0, conv.plainWeights, description.diff_weights_desc())});
  return convChoice(request, chain, description.impl_info_str(), conv.macs);
}

}  // namespace compress
