// The functions behind the names of fusions.cpp, one file each; each returns the count of its changes.
#pragma once
#include "lib/runtime/plan/fused_graph.h"

namespace compress {

int64_t fuseSilu(FusedGraph& graph);
int64_t fuseTransposePair(FusedGraph& graph);
int64_t fusePad(FusedGraph& graph);
int64_t fuseStridedSlices(FusedGraph& graph);
int64_t fuseAffine(FusedGraph& graph);
int64_t fuseGemm(FusedGraph& graph);
int64_t fuseElementwiseChains(FusedGraph& graph);
int64_t fusePostActivation(FusedGraph& graph);
int64_t fusePostResidual(FusedGraph& graph);
int64_t fuseConcat(FusedGraph& graph);
int64_t fuseSparse(FusedGraph& graph);

/// QuantizeLinear and DequantizeLinear around an operator become one step on bytes.
namespace int8 {

/// DequantizeLinear goes behind what only moves or compares elements, so that bytes are moved.
int64_t moveBytes(FusedGraph& graph);
/// A function of one quantized tensor between DequantizeLinear and QuantizeLinear becomes ByteTable: 256 entries,
/// evaluated once.
int64_t fuseTables(FusedGraph& graph);
/// DequantizeLinear, Conv, Gemm or MatMul, Relu or Clip, QuantizeLinear become QuantizedConv; without QuantizeLinear
/// its result is f32.
int64_t fuseConv(FusedGraph& graph);
/// MatMulInteger and ConvInteger with constant weights, Cast, Mul by a scale, Add become IntegerConv.
int64_t fuseDynamic(FusedGraph& graph);
/// Add, Sub, Mul of two dequantized tensors, Relu or Clip, QuantizeLinear become QuantizedBinary.
int64_t fuseBinary(FusedGraph& graph);
/// Concat of dequantized tensors, QuantizeLinear becomes QuantizedConcat.
int64_t fuseConcat(FusedGraph& graph);
/// Average pools become QuantizedAveragePool.
int64_t fuseAveragePool(FusedGraph& graph);
/// Slices, SpaceToDepth, Gather and Concat of channels before a QuantizeLinear become its way of reading:
/// QuantizeChannels.
int64_t fuseQuantizeChannels(FusedGraph& graph);
/// A ByteBorder becomes part of the kernel that writes the bytes.
int64_t fuseBorders(FusedGraph& graph);

}  // namespace int8

}  // namespace compress
