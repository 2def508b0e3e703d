// Matrix products of f32.
#pragma once
#include "lib/runtime/cpu/cpu.h"

namespace compress {

/// Plan operator Gemm: left [..., K], constant right [K, N], constant bias [N] or absent, post-operations.
KernelChoice makePlanGemm(const KernelRequest& request, CpuContext& context);
/// ONNX Gemm of matrices that are known at run time only, with alpha and beta 1.
KernelChoice makeGemm(const KernelRequest& request, CpuContext& context);
/// ONNX MatMul of two tensors that are known at run time only.
KernelChoice makeMatMul(const KernelRequest& request, CpuContext& context);

}  // namespace compress
