// From nodes of a plan to quantized Convs: what QuantizedConv and IntegerConv share.
#pragma once
#include "lib/runtime/cpu/int8/conv.h"

namespace compress::int8 {

/// Shapes and window of a node whose input 1 holds constant weights, output channels first. MatMul and Gemm (attribute
/// `rows`) are a 1x1 Conv of one column: rows are pixels.
ConvParameters geometryOf(const KernelRequest& request);
/// Weights of any rank.
std::unique_ptr<QuantizedConv> makeConv(const ConvParameters& p, const Tensor& weights, CpuContext& context,
                                        int threads);

}  // namespace compress::int8
