// The cpu backend as tests make it.
#pragma once
#include "lib/runtime/backend.h"

namespace compress {

/// With `guarded`, every buffer of a plan lies between guard bytes (see PlanExecutable::guardsIntact).
std::unique_ptr<Backend> makeCpuBackend(bool guarded);

}  // namespace compress
