#include "tools/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/base/text.h"
#include "lib/eval/gates.h"
#include "tools/option_values.h"

namespace compress {

void prepareProcess(const CommonOptions& common) {
  setThreadCount(static_cast<int>(common.threads));
  const rlimit none{0, 0};
  if (common.untrusted && setrlimit(RLIMIT_CORE, &none) != 0)
    throw Error(ErrorKind::resource, "--untrusted: core dumps cannot be turned off");
}

int64_t residentBytes() {
  int64_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

Budget::Budget(const CommonOptions& common) : start_(std::chrono::steady_clock::now()) {
  if (common.timeout) seconds_ = parseSeconds("timeout", *common.timeout);
  if (common.memoryLimit) bytes_ = parseSize(*common.memoryLimit, "memory-limit");
}

void Budget::check() const {
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
  if (seconds_ && passed.count() > *seconds_)
    throw Error(ErrorKind::resource, text("--timeout ", *seconds_, " s is over and nothing has been written"),
                "raise --timeout, or give less data");
  if (bytes_ && residentBytes() > *bytes_)
    throw Error(
        ErrorKind::resource,
        text("--memory-limit ", *bytes_, " bytes: ", residentBytes(), " are in use, and nothing has been written"),
        "raise --memory-limit");
}

}  // namespace compress
