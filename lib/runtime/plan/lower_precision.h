// Running Convs and products of an f32 model in bf16.
#pragma once
#include "lib/runtime/plan/fused_graph.h"

namespace compress {

/// Values between Convs, products and elementwise operations become bf16, the rest stays f32 with Casts between; sums
/// inside a Conv or product are f32. To be called after fuse(). The count of values that became bf16.
int64_t lowerToBf16(FusedGraph& graph);

}  // namespace compress
