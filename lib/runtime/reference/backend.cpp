// The reference backend: each node by its plain-loop reference, in topological order. Slow, and the meaning of every
// op.
#include "lib/runtime/backend.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/base/text.h"
#include "lib/ops/access.h"
#include "lib/ops/evaluate.h"
#include "lib/runtime/copy_into.h"

namespace compress {
namespace {

/// Sets the calling thread's thread count for its own lifetime.
class ThreadCountScope {
 public:
  explicit ThreadCountScope(int count) : before_(threadCount()) { setThreadCount(count); }
  ~ThreadCountScope() { setThreadCount(before_); }
  ThreadCountScope(const ThreadCountScope&) = delete;
  ThreadCountScope& operator=(const ThreadCountScope&) = delete;

 private:
  int before_;
};

class ReferenceExecutable : public Executable {
 public:
  ReferenceExecutable(const Graph& graph, std::span<const Shape> inputShapes, CompileOptions options)
      : graph_(graph), shapes_(inputShapes.begin(), inputShapes.end()), options_(std::move(options)) {
    for (const NodeId id : graph_.order()) {
      const Node& node = graph_.node(id);
      StepInfo step;
      step.name = node.name;
      step.op = node.op;
      step.kernel = "ref";
      steps_.push_back(std::move(step));
    }
  }

  void run(Bindings& bindings) override {
    requireShapes(bindings.inputs);
    const ThreadCountScope threads(options_.threads);
    EvaluateHooks hooks;
    if (options_.profile) hooks.afterNode = [this](size_t position, double ms) { total_[position] += ms; };
    total_.resize(steps_.size());
    const std::vector<Tensor> results = evaluate(graph_, bindings.inputs, options_.observed, hooks);
    ++runs_;
    bindings.outputs.resize(results.size());
    for (size_t i = 0; i < results.size(); ++i) assign(results[i], bindings.outputs[i]);
  }

  std::vector<StepInfo> steps() const override {
    std::vector<StepInfo> steps = steps_;
    if (options_.profile && runs_ > 0)
      for (size_t i = 0; i < steps.size(); ++i) steps[i].ms = total_[i] / static_cast<double>(runs_);
    return steps;
  }

  int64_t arenaBytes() const override { return 0; }

 private:
  /// Lists may be longer or shorter from one run to the next.
  void requireShapes(std::span<const Tensor> inputs) const {
    const bool fits = std::ranges::equal(inputs, shapes_, [](const Tensor& tensor, const Shape& shape) {
      return tensor.isList() || tensor.shape() == shape;
    });
    if (!fits) throw Error(ErrorKind::bug, "input shapes differ from those that the plan was compiled for");
  }

  Graph graph_;
  std::vector<Shape> shapes_;
  CompileOptions options_;
  std::vector<StepInfo> steps_;
  std::vector<double> total_;
  int64_t runs_ = 0;
};

class ReferenceBackend : public Backend {
 public:
  std::string_view name() const override { return "reference"; }

  std::unique_ptr<Executable> compile(const Graph& graph, std::span<const Shape> inputShapes,
                                      const CompileOptions& options) override {
    requireReferences(graph);
    return std::make_unique<ReferenceExecutable>(graph, inputShapes, options);
  }
};

}  // namespace

std::unique_ptr<Backend> makeReferenceBackend() {
  return std::make_unique<ReferenceBackend>();
}

}  // namespace compress
