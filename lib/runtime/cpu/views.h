// Operators that move no data, or only move it: views and strided copies.
#pragma once
#include "lib/runtime/cpu/cpu.h"

namespace compress {

KernelChoice makeReshape(const KernelRequest& request,
                         CpuContext& context);  ///< Reshape, Flatten, Squeeze, Unsqueeze, Identity, Dropout
KernelChoice makeTranspose(const KernelRequest& request, CpuContext& context);
KernelChoice makeConcat(const KernelRequest& request, CpuContext& context);
KernelChoice makeSlice(const KernelRequest& request, CpuContext& context);
KernelChoice makeSplit(const KernelRequest& request, CpuContext& context);
KernelChoice makePad(const KernelRequest& request, CpuContext& context);  ///< constant non-negative pads
KernelChoice makeDepthToSpace(const KernelRequest& request, CpuContext& context);
KernelChoice makeSpaceToDepth(const KernelRequest& request, CpuContext& context);
KernelChoice makeStridedConcat(const KernelRequest& request, CpuContext& context);

/// 1, 2, 4 or 8; 0 for types whose elements do not fill bytes.
int64_t elementBytes(DType dtype);

}  // namespace compress
