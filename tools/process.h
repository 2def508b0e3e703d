// What --threads, --untrusted, --timeout and --memory-limit do to the process.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>

#include "tools/common_options.h"

namespace compress {

/// Sets the thread count and, with --untrusted, no core dumps, limits that the kernel watches, and the system call
/// filter. False where that was wanted and the kernel has none.
bool prepareProcess(const CommonOptions& common);

/// Bytes of --memory-limit; with --untrusted without one, half of what is allowed otherwise; else nothing.
std::optional<int64_t> memoryLimit(const CommonOptions& common);

/// Time and memory that a run may take; no limits where none are given.
class Budget {
 public:
  /// The clock of --timeout starts here.
  explicit Budget(const CommonOptions& common);
  /// Throws Error(resource) when the time is over or more memory is in use than allowed, Error(interrupted) after a
  /// signal. Verbs call it between samples and steps.
  void check() const;

 private:
  std::optional<double> seconds_;
  std::optional<int64_t> bytes_;
  std::chrono::steady_clock::time_point start_;
};

/// Resident memory of this process.
int64_t residentBytes();

}  // namespace compress
