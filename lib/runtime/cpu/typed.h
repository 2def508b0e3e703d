// Elementwise operators with broadcasting on integers, comparisons, logic, Where and Cast.
#pragma once
#include "lib/runtime/cpu/cpu.h"

namespace compress {

KernelChoice makeTyped(const KernelRequest& request, CpuContext& context);
KernelChoice makeWhere(const KernelRequest& request, CpuContext& context);
KernelChoice makeCast(const KernelRequest& request, CpuContext& context);
KernelChoice makeExpand(const KernelRequest& request, CpuContext& context);  ///< Expand and Tile

}  // namespace compress
