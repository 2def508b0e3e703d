#include "lib/base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace compress {
namespace {

/// CPU quota of the version 2 cgroup in processors, or `none` where there is no limit.
int cgroupQuota(int none) {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return none;
  return std::max(1, static_cast<int>(std::stod(quota) / period));
}

}  // namespace

int availableProcessors() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  const int allowed = sched_getaffinity(0, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : 1;
  return std::max(1, std::min(allowed, cgroupQuota(allowed)));
}

}  // namespace compress
