// Convolutions 3x3 by Winograd's minimal filtering.
#pragma once
#include "lib/runtime/cpu/cpu.h"

namespace compress {

/// f32, two spatial axes, 3x3 of stride 1 without groups or dilation, where it takes less time than a direct
/// convolution; post-operations: Add of a tensor like the result, then Relu or Clip, each or none.
KernelChoice makeWinogradConv(const KernelRequest& request, CpuContext& context);

}  // namespace compress
