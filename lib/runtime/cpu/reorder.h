// Copies between layouts.
#pragma once
#include "lib/runtime/plan/kernel.h"

namespace compress {

/// Any element type of 1, 2, 4 or 8 bytes.
std::unique_ptr<Kernel> makeReorderKernel(DType dtype, const Shape& shape, Layout from, Layout to, int threads);

}  // namespace compress
