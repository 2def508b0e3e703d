// Copies in which each index along an axis reads a given index of the source: Pad by reflection and the like.
#pragma once
#include "lib/runtime/plan/kernel.h"

namespace compress {

/// `offsets[axis][i]`: where index i of the target's axis reads, in elements of the source; the target is dense.
std::unique_ptr<Kernel> makeIndexedCopy(int64_t elementBytes, std::vector<std::vector<int64_t>> offsets, int threads);

}  // namespace compress
