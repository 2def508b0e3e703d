// Resize of the spatial axes in channels-last layout.
#pragma once
#include "lib/runtime/cpu/cpu.h"

namespace compress {

/// Nearest for elements of 1, 2, 4 or 8 bytes; weighted modes for f32. Parameters are constants.
KernelChoice makeResize(const KernelRequest& request, CpuContext& context);

}  // namespace compress
