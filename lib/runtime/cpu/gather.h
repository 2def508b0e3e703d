// Slices chosen by an index tensor.
#pragma once
#include "lib/runtime/cpu/cpu.h"

namespace compress {

KernelChoice makeGather(const KernelRequest& request, CpuContext& context);

}  // namespace compress
