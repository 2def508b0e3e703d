// The fallback: one node by its plain-loop reference.
#pragma once
#include "lib/runtime/plan/kernel.h"

namespace compress {

/// Inputs and outputs are plain. Throws Error(unsupported) when the op has no reference.
KernelChoice makeReferenceKernel(const KernelRequest& request);

}  // namespace compress
