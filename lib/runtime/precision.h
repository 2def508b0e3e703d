// What the cpu backend computes Convs and products of f32 models in.
#pragma once
#include "lib/runtime/backend.h"

namespace compress {

enum class Precision {
  f32,
  bf16,  ///< with f32 sums; needs AVX512-BF16 or AMX
};
/// As makeCpuBackend(), in the given precision. Throws Error(unsupported) for one that the processor lacks.
std::unique_ptr<Backend> makeCpuBackend(Precision precision);

}  // namespace compress
