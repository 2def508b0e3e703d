// The cpu backend: fuses the graph, chooses the first kernel of the table that takes a node, and falls back to the
// reference.
#include "lib/runtime/cpu/backend.h"

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/runtime/cpu/cpu.h"
#include "lib/runtime/cpu/reference_kernel.h"
#include "lib/runtime/cpu/reorder.h"
#include "lib/runtime/plan/executable.h"

namespace compress {
namespace {

class CpuKernelSource : public KernelSource {
 public:
  explicit CpuKernelSource(CpuContext& context) : context_(context) {}

  KernelChoice choose(const KernelRequest& request) override {
    for (const KernelEntry& entry : cpuKernels()) {
      if (entry.op != request.node.op || entry.domain != request.node.domain) continue;
      KernelChoice choice = entry.make(request, context_);
      if (!choice.outputLayouts.empty()) return choice;
    }
    return makeReferenceKernel(request);
  }

  std::unique_ptr<Kernel> makeReorder(DType dtype, const Shape& shape, Layout from, Layout to, int threads) override {
    return makeReorderKernel(dtype, shape, from, to, threads);
  }

 private:
  CpuContext& context_;
};

class CpuBackend : public Backend {
 public:
  explicit CpuBackend(bool guarded) : guarded_(guarded) {}
  std::string_view name() const override { return "cpu"; }

  std::unique_ptr<Executable> compile(const Graph& graph, std::span<const Shape> inputShapes,
                                      const CompileOptions& options) override {
    FusedGraph fused(graph, inputShapes, options.observed);
    if (!fused.isStatic()) return reference_->compile(graph, inputShapes, options);
    fuse(fused, options.disabledFusions);
    CpuKernelSource source(context_);
    try {
      return std::make_unique<PlanExecutable>(fused, source, options, guarded_);
    } catch (const dnnl::error& error) {
      throw Error(ErrorKind::unsupported, text("oneDNN: ", error.what()));
    }
  }

 private:
  CpuContext context_;
  std::unique_ptr<Backend> reference_ = makeReferenceBackend();
  bool guarded_;
};

}  // namespace

std::unique_ptr<Backend> makeCpuBackend() {
  return makeCpuBackend(false);
}
std::unique_ptr<Backend> makeCpuBackend(bool guarded) {
  return std::make_unique<CpuBackend>(guarded);
}

}  // namespace compress
