// What the kernels of the cpu backend share: oneDNN's engine, packed constants, and the table of kernels by operator.
#pragma once
#include <memory>
#include <span>

#include "lib/runtime/cpu/packed_cache.h"
#include "lib/runtime/plan/kernel.h"

namespace compress {

struct CpuContext {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  PackedCache packed;
};

/// Null kernel and no outputLayouts: "not for me", the next maker or the reference is asked.
using KernelMaker = KernelChoice (*)(const KernelRequest&, CpuContext&);

struct KernelEntry {
  std::string_view op;
  std::string_view domain;
  KernelMaker make;
};
/// All fast kernels, in the order in which they are asked.
std::span<const KernelEntry> cpuKernels();
inline KernelChoice notForMe() {
  return {};
}

}  // namespace compress
