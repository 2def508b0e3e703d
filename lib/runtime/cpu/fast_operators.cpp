#include "lib/runtime/fast_operators.h"

#include "lib/runtime/cpu/cpu.h"
#include "lib/runtime/plan/patterns.h"

namespace compress {

std::set<std::string> fastOperators() {
  std::set<std::string> names;
  for (const KernelEntry& entry : cpuKernels())
    if (entry.domain.empty() || entry.op == "Gemm") names.emplace(entry.op);
  for (const std::string_view op : elementwiseOperators()) names.emplace(op);
  return names;
}

}  // namespace compress
