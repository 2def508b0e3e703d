// Pooling of f32 in channels-last layout.
#pragma once
#include "lib/runtime/cpu/cpu.h"

namespace compress {

/// MaxPool (without indices), AveragePool, GlobalMaxPool, GlobalAveragePool of one or two spatial axes.
KernelChoice makePool(const KernelRequest& request, CpuContext& context);

}  // namespace compress
