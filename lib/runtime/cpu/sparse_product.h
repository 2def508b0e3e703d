// Products with constant weights that are mostly zero.
#pragma once
#include "lib/runtime/cpu/cpu.h"

namespace compress {

/// Plan operator SparseProduct: a Conv of window 1, or Gemm, of f32 with constant weights and bias.
KernelChoice makeSparseProduct(const KernelRequest& request, CpuContext& context);

}  // namespace compress
