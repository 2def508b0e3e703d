// From a fused graph to a flat list of bound steps over one arena.
#pragma once
#include <memory>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/runtime/backend.h"
#include "lib/runtime/plan/kernel.h"

namespace compress {

/// Lays the nodes of `graph` out as steps: kernels, reorders, liveness, arena. `guarded`, for tests, gives each buffer
/// memory of its own with guard bytes on both sides, the caller's too: run() throws Error(bug) naming the first step
/// that wrote where it must not. `source` is used during the call only.
class PlanExecutable : public Executable {
 public:
  PlanExecutable(const FusedGraph& graph, KernelSource& source, const CompileOptions& options, bool guarded = false);
  ~PlanExecutable() override;

  void run(Bindings& bindings) override;
  std::vector<StepInfo> steps() const override;
  int64_t arenaBytes() const override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace compress
