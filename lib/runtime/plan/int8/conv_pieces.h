// What the fusions of Conv, Gemm and MatMul on bytes share: constant weights in eight signed bits, and windows.
#pragma once
#include "lib/ops/window.h"
#include "lib/runtime/plan/int8/patterns.h"

namespace compress::int8 {

/// Weights with zero point 0, output channels first.
struct Weights {
  Tensor values;              ///< i8, saturated
  Tensor scales;              ///< f32, one or as many as channels; empty where the graph multiplies by them itself
  std::vector<int64_t> wide;  ///< output channels that hold saturated weights
  Tensor wideValues;          ///< i16: those channels as they are
};

/// Weights as i8, and the channels that do not fit; nothing when these are so many that floats are faster.
/// `transposed`: the tensor is [K, M] instead of [M, K].
std::optional<Weights> narrowWeights(const StoredConstant& found, bool transposed);
/// The same behind a DequantizeLinear to f32 whose channels are the output's.
std::optional<Weights> findWeights(const FusedGraph& graph, ValueId value, bool transposed);

/// A Conv's window with auto_pad resolved; what no window reads behind the image is not padding.
Window windowOfConv(const Node& conv, const Shape& x, const Shape& w, const Shape& y);
/// Attributes group, strides, dilations, before and after of a plan's Conv.
void setWindow(Attributes& attributes, const Node& conv, const Window& window);

}  // namespace compress::int8
