#include "tools/process.h"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/base/text.h"
#include "lib/eval/gates.h"
#include "tools/option_values.h"

namespace compress {
namespace {

void limit(__rlimit_resource resource, rlim_t value, std::string_view option) {
  rlimit both{};
  if (getrlimit(resource, &both) == 0) {
    both.rlim_cur = std::min(value, both.rlim_max);
    if (setrlimit(resource, &both) == 0) return;
  }
  throw Error(ErrorKind::resource, text(option, " cannot be set: ", std::strerror(errno)));
}

}  // namespace

void prepareProcess(const CommonOptions& common) {
  setThreadCount(static_cast<int>(common.threads));
  if (common.untrusted) limit(RLIMIT_CORE, 0, "--untrusted: core dump limit");
  if (common.memoryLimit)
    limit(RLIMIT_DATA, static_cast<rlim_t>(parseSize(*common.memoryLimit, "memory-limit")), "--memory-limit");
}

Deadline::Deadline(const CommonOptions& common) : start_(std::chrono::steady_clock::now()) {
  if (common.timeout) seconds_ = parseSeconds("timeout", *common.timeout);
}

void Deadline::check() const {
  if (!seconds_) return;
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
  if (passed.count() > *seconds_)
    throw Error(ErrorKind::resource, text("--timeout ", *seconds_, " s is over and nothing has been written"), "raise --timeout, or give less data");
}

}  // namespace compress
