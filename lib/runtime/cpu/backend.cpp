// The cpu backend: fuses the graph, chooses the first kernel of the table that takes a node, and falls back to the
// reference.
#include "lib/runtime/cpu/backend.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/runtime/cpu/cpu.h"
#include "lib/runtime/cpu/reference_kernel.h"
#include "lib/runtime/cpu/reorder.h"
#include "lib/runtime/plan/executable.h"
#include "lib/runtime/plan/lower_precision.h"
#include "lib/runtime/plan/segments.h"

namespace compress {
namespace {

class CpuKernelSource : public KernelSource {
 public:
  CpuKernelSource(CpuContext& context, const PlanCompiler& compile) : context_(context), compile_(compile) {}

  KernelChoice choose(const KernelRequest& request) override {
    for (const KernelEntry& entry : cpuKernels()) {
      if (entry.op != request.node.op || entry.domain != request.node.domain) continue;
      KernelChoice choice = entry.make(request, context_);
      if (!choice.outputLayouts.empty()) return choice;
    }
    return makeReferenceKernel(request, compile_);
  }

  std::unique_ptr<Kernel> makeReorder(DType dtype, const Shape& shape, Layout from, Layout to, int threads) override {
    return makeReorderKernel(dtype, shape, from, to, threads);
  }

 private:
  CpuContext& context_;
  const PlanCompiler& compile_;
};

/// Can all values be passed as tensors of numbers?
bool hasOnlyNumbers(const Graph& graph) {
  return std::ranges::all_of(graph.values(), [&](ValueId id) {
    const Type& type = graph.value(id).type;
    return graph.value(id).constant || type.kind == Type::Kind::unknown ||
           (type.isTensor() && type.dtype != DType::string);
  });
}

class CpuBackend : public Backend {
 public:
  CpuBackend(bool guarded, Precision precision) : guarded_(guarded), precision_(precision) {}
  std::string_view name() const override { return "cpu"; }

  std::unique_ptr<Executable> compile(const Graph& graph, std::span<const Shape> inputShapes,
                                      const CompileOptions& options) override {
    std::vector<Type> types;
    const std::vector<ValueId> inputs = graph.runtimeInputs();
    for (size_t i = 0; i < inputs.size() && i < inputShapes.size(); ++i) {
      const Type& declared = graph.value(inputs[i]).type;
      const bool isList = declared.kind == Type::Kind::sequence || declared.kind == Type::Kind::optional;
      types.push_back(isList ? declared : Type::tensor(declared.dtype, inputShapes[i]));
    }
    return compileFor(graph, types, options);
  }

 private:
  std::unique_ptr<Executable> compileFor(const Graph& graph, std::span<const Type> inputTypes,
                                         const CompileOptions& options) {
    FusedGraph fused(graph, inputTypes, options.observed);
    if (!fused.isStatic()) {
      if (hasOnlyNumbers(fused.graph)) return std::make_unique<SegmentedExecutable>(fused, compile_, options);
      return reference_->compile(graph, shapesOf(inputTypes), options);
    }
    fuse(fused, options.disabledFusions);
    if (precision_ == Precision::bf16) lowerToBf16(fused);
    CpuKernelSource source(context_, compile_);
    try {
      return std::make_unique<PlanExecutable>(fused, source, options, guarded_);
    } catch (const dnnl::error& error) {
      throw Error(ErrorKind::unsupported, text("oneDNN: ", error.what()));
    }
  }

  static std::vector<Shape> shapesOf(std::span<const Type> types) {
    std::vector<Shape> shapes;
    for (const Type& type : types) shapes.push_back(type.shape().value_or(Shape()));
    return shapes;
  }

  CpuContext context_;
  std::unique_ptr<Backend> reference_ = makeReferenceBackend();
  bool guarded_;
  Precision precision_;
  PlanCompiler compile_ = [this](const Graph& graph, std::span<const Type> inputTypes, const CompileOptions& options) {
    return compileFor(graph, inputTypes, options);
  };
};

}  // namespace

std::unique_ptr<Backend> makeCpuBackend() {
  return makeCpuBackend(false);
}
std::unique_ptr<Backend> makeCpuBackend(Precision precision) {
  return makeCpuBackend(false, precision);
}
std::unique_ptr<Backend> makeCpuBackend(bool guarded, Precision precision) {
  if (precision == Precision::bf16 && !hasBf16())
    throw Error(ErrorKind::unsupported, "this processor has neither AVX512-BF16 nor AMX-BF16: models run in f32 here",
                "--precision f32");
  return std::make_unique<CpuBackend>(guarded, precision);
}

}  // namespace compress
