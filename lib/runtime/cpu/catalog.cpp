// The table of fast kernels: one line per operator and kernel.
#include <array>

#include "lib/runtime/cpu/conv.h"

namespace compress {

std::span<const KernelEntry> cpuKernels() {
  static constexpr std::array kKernels = {
      KernelEntry{"Conv", "", makeConv},
  };
  return kKernels;
}

}  // namespace compress
