// Kernels for the nodes that the int8 fusions make, and for bytes in operators of ONNX.
#pragma once
#include "lib/runtime/cpu/cpu.h"

namespace compress::int8 {

KernelChoice makeQuantizedConv(const KernelRequest& request, CpuContext& context);
/// Sums of bytes times constant weights, less their zero points, as i32 or times a scale known at run time as f32.
KernelChoice makeIntegerConv(const KernelRequest& request, CpuContext& context);
KernelChoice makeByteTable(const KernelRequest& request, CpuContext& context);
KernelChoice makeByteBorder(const KernelRequest& request, CpuContext& context);
KernelChoice makeQuantizedBinary(const KernelRequest& request, CpuContext& context);
KernelChoice makeQuantizedConcat(const KernelRequest& request, CpuContext& context);
KernelChoice makeQuantizedAveragePool(const KernelRequest& request, CpuContext& context);
KernelChoice makeQuantizeChannels(const KernelRequest& request, CpuContext& context);
/// MaxPool of u8 and i8, without indices.
KernelChoice makeByteMaxPool(const KernelRequest& request, CpuContext& context);
/// Nearest Resize of the spatial axes, any type.
KernelChoice makeNearestResize(const KernelRequest& request, CpuContext& context);
/// Per-tensor, f32 to u8 or i8, and back.
KernelChoice makeQuantizeLinear(const KernelRequest& request, CpuContext& context);
KernelChoice makeDequantizeLinear(const KernelRequest& request, CpuContext& context);
KernelChoice makeDynamicQuantizeLinear(const KernelRequest& request, CpuContext& context);

}  // namespace compress::int8
