// Softmax and LogSoftmax of f32 over the innermost axis.
#pragma once
#include "lib/runtime/cpu/cpu.h"

namespace compress {

KernelChoice makeSoftmax(const KernelRequest& request, CpuContext& context);

}  // namespace compress
