// Plans of graphs in which some shapes are known at run time only (NonZero, NonMaxSuppression, a Loop that collects).
#pragma once
#include <memory>

#include "lib/runtime/plan/bodies.h"
#include "lib/runtime/plan/fused_graph.h"

namespace compress {

/// What depends on known shapes is one plan; then come the nodes whose results have shapes that only they know; the
/// rest is compiled when these shapes are known, and kept by them. A rest that touches no floats is evaluated node by
/// node instead.
class SegmentedExecutable : public Executable {
 public:
  /// `graph` is not static. Throws Error(unsupported) naming a node that has no reference.
  SegmentedExecutable(const FusedGraph& graph, PlanCompiler compile, const CompileOptions& options);
  ~SegmentedExecutable() override;

  void run(Bindings& bindings) override;
  std::vector<StepInfo> steps() const override;
  int64_t arenaBytes() const override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace compress
