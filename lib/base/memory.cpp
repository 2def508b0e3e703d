#include "lib/base/memory.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

namespace compress {
namespace {

/// The number in `file`, or `none` where there is none.
int64_t limitIn(const std::filesystem::path& file, int64_t none) {
  std::ifstream stream(file);
  int64_t limit = 0;
  return stream >> limit && limit > 0 ? limit : none;
}

/// Path of this process's version 2 group below /sys/fs/cgroup.
std::filesystem::path groupPath() {
  std::ifstream stream("/proc/self/cgroup");
  for (std::string line; std::getline(stream, line);)
    if (line.starts_with("0::/")) return line.substr(4);
  return {};
}

}  // namespace

void releaseFreedMemory() {
  malloc_trim(0);
}

int64_t availableMemory() {
  int64_t least = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  const std::filesystem::path root = "/sys/fs/cgroup";
  least = std::min(least, limitIn(root / "memory/memory.limit_in_bytes", least));
  for (std::filesystem::path group = groupPath();; group = group.parent_path()) {
    least = std::min(least, limitIn(root / group / "memory.max", least));
    if (group.empty()) return least;
  }
}

}  // namespace compress
