// Reductions, positions of extremes, and normalisation over the last axes, of f32.
#pragma once
#include "lib/runtime/cpu/cpu.h"

namespace compress {

KernelChoice makeReduce(const KernelRequest& request, CpuContext& context);      ///< axes that are neighbours in memory
KernelChoice makeArgExtreme(const KernelRequest& request, CpuContext& context);  ///< ArgMax, ArgMin
KernelChoice makeNormalization(const KernelRequest& request,
                               CpuContext& context);  ///< LayerNormalization, RMSNormalization

}  // namespace compress
