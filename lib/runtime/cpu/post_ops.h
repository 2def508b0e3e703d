// Post-operations as oneDNN's attributes.
#pragma once
#include "lib/runtime/cpu/cpu.h"

namespace compress {

/// oneDNN's form of `request.fused.post`. Tensor operands of binary operations are appended to `arguments` (argument
/// index and descriptor) and `argumentInputs` (the node input that each one is); an `add` at index `sumAt` is done into
/// the destination instead.
struct OnednnPostOps {
  dnnl::primitive_attr attributes;
  std::vector<std::pair<int, dnnl::memory::desc>> arguments;
  std::vector<size_t> argumentInputs;
};
OnednnPostOps onednnPostOps(const KernelRequest& request, Layout layout, int sumAt);

/// Index in fused.post of the `add` whose operand can be overwritten by the result, or -1.
int findSum(const KernelRequest& request);

}  // namespace compress
