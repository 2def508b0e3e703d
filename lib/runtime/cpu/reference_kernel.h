// The fallback: one node by its plain-loop reference.
#pragma once
#include "lib/runtime/plan/bodies.h"
#include "lib/runtime/plan/kernel.h"

namespace compress {

/// Inputs and outputs are plain. Bodies of If, Loop and Scan are compiled by `compile`. Throws Error(unsupported) when
/// the op has no reference.
KernelChoice makeReferenceKernel(const KernelRequest& request, const PlanCompiler& compile);

}  // namespace compress
