// What --memory-limit, --untrusted, --threads and --timeout do to the process.
#pragma once
#include <chrono>
#include <optional>

#include "tools/common_options.h"

namespace compress {

/// Sets the thread count, the memory limit and, with --untrusted, no core dumps.
void prepareProcess(const CommonOptions& common);

/// The clock of --timeout, running from construction; never ends where none is given.
class Deadline {
 public:
  explicit Deadline(const CommonOptions& common);
  /// Throws Error(resource) when the time is over. Verbs call it between samples and steps.
  void check() const;

 private:
  std::optional<double> seconds_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace compress
