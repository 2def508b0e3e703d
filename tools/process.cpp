#include "tools/process.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "lib/base/error.h"
#include "lib/base/memory.h"
#include "lib/base/parallel.h"
#include "lib/base/text.h"
#include "lib/eval/gates.h"
#include "tools/option_values.h"
#include "tools/sandbox.h"
#include "tools/signals.h"

namespace compress {

namespace {

constexpr double kUntrustedSeconds = 600;
/// What the kernel grants beyond the limits that the program watches itself, so that its own messages come first.
constexpr int64_t kSlackBytes = int64_t{256} << 20;
constexpr double kSlackSeconds = 10;

std::optional<double> secondsOf(const CommonOptions& common) {
  if (common.timeout) return parseSeconds("timeout", *common.timeout);
  return common.untrusted ? std::optional(kUntrustedSeconds) : std::nullopt;
}

void limitResource(int resource, std::string_view what, int64_t value) {
  rlimit limit{};
  getrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
  limit.rlim_cur = std::min(limit.rlim_max, static_cast<rlim_t>(value));
  if (setrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0)
    throw Error(ErrorKind::resource, text("--untrusted: ", what, " cannot be limited"));
}

/// Where the program itself no longer gets to look at the clock.
void endInTime(int) {
  constexpr std::string_view kMessage = "compress: --untrusted: the processor time is over\n";
  static_cast<void>(!write(STDERR_FILENO, kMessage.data(), kMessage.size()));
  _exit(static_cast<int>(ErrorKind::resource));
}

}  // namespace

std::optional<int64_t> memoryLimit(const CommonOptions& common) {
  if (common.memoryLimit) return parseSize(*common.memoryLimit, "memory-limit");
  return common.untrusted ? std::optional(availableMemory() / 5 * 2) : std::nullopt;
}

bool prepareProcess(const CommonOptions& common) {
  setThreadCount(static_cast<int>(common.threads));
  if (!common.untrusted) return true;
  limitResource(RLIMIT_CORE, "core dumps", 0);
  limitResource(RLIMIT_DATA, "memory", *memoryLimit(common) + kSlackBytes);
  signal(SIGXCPU, endInTime);
  limitResource(RLIMIT_CPU, "processor time",
                static_cast<int64_t>((*secondsOf(common) + kSlackSeconds) * static_cast<double>(common.threads)));
  return enterSandbox();
}

int64_t residentBytes() {
  int64_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

Budget::Budget(const CommonOptions& common) : start_(std::chrono::steady_clock::now()) {
  seconds_ = secondsOf(common);
  bytes_ = memoryLimit(common);
}

void Budget::check() const {
  checkSignals();
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
