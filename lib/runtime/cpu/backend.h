// The cpu backend as tests make it.
#pragma once
#include "lib/runtime/precision.h"

namespace compress {

/// With `guarded`, every buffer of a plan lies between guard bytes that are checked (see PlanExecutable).
std::unique_ptr<Backend> makeCpuBackend(bool guarded, Precision precision = Precision::f32);

}  // namespace compress
