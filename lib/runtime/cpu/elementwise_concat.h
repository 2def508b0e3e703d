// Concat of the results of elementwise operations, in one pass.
#pragma once
#include "lib/runtime/cpu/cpu.h"

namespace compress {

/// Plan operator ElementwiseConcat (see plan/fuse_concat.cpp).
KernelChoice makeElementwiseConcat(const KernelRequest& request, CpuContext& context);

}  // namespace compress
