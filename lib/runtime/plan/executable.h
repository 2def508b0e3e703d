// From a fused graph to a flat list of bound steps over one arena.
#pragma once
#include <memory>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/runtime/backend.h"
#include "lib/runtime/plan/kernel.h"

namespace compress {

/// Lays the nodes of `graph` out as steps: kernels, reorders, liveness, arena. `guarded` gives each buffer memory of
/// its own with guard bytes on both sides, for tests. `source` is used during the call only.
class PlanExecutable : public Executable {
 public:
  PlanExecutable(const FusedGraph& graph, KernelSource& source, const CompileOptions& options, bool guarded = false);
  ~PlanExecutable() override;

  void run(Bindings& bindings) override;
  std::vector<StepInfo> steps() const override;
  int64_t arenaBytes() const override;
  /// Are all guard bytes as they were? Always true without `guarded`.
  bool guardsIntact() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace compress
