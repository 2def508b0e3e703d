// The kernel of plan operator Elementwise: input 0 through Fused::post.
#pragma once
#include "lib/runtime/cpu/cpu.h"

namespace compress {

/// f32; at most 16 operations (the fusion that makes such nodes keeps to it).
KernelChoice makeElementwise(const KernelRequest& request, CpuContext& context);
/// The post-operations of any node, done on its output 0 in place. Operands and output are in `layout`.
std::unique_ptr<Kernel> makePostOperations(const KernelRequest& request, Layout layout);

}  // namespace compress
