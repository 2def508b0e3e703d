#include "tests/support/graph_check.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/ops/evaluate.h"
#include "lib/runtime/cpu/backend.h"
#include "lib/runtime/cpu/cpu.h"
#include "lib/runtime/cpu/reference_kernel.h"
#include "lib/runtime/cpu/reorder.h"
#include "lib/runtime/plan/schedule.h"
#include "tests/support/plans.h"
#include "tests/support/write_text.h"

namespace compress::test {
namespace {

/// Half floats are rounded where a kernel's float may lie on either side of a middle.
double toleranceOf(const Graph& graph, const Tensor& wanted) {
  if (!isFloating(wanted.dtype())) return 0;
  const bool hasHalf = std::ranges::any_of(graph.nodes(), [&](NodeId id) {
    const Node& node = graph.node(id);
    return node.is("Cast") && node.attributes.integer("to", 1) != static_cast<int64_t>(DType::f32);
  });
  if (wanted.dtype() == DType::bf16) return 1e-4;
  if (wanted.dtype() == DType::f16) return 1e-6;
  return hasHalf ? 1e-5 : 1e-9;
}

std::string difference(const RandomGraph& graph, const std::vector<Buffer>& found, std::string_view where) {
  if (found.size() != graph.outputs.size()) return text(where, ": ", found.size(), " outputs");
  for (size_t i = 0; i < found.size(); ++i) {
    const double error = normalizedError(found[i].snapshot(), graph.outputs[i]);
    if (!(error <= toleranceOf(graph.model.graph, graph.outputs[i])))
      return text(where, ": output '", graph.model.graph.value(graph.model.graph.outputs()[i]).name, "' is off by ",
                  error);
  }
  return {};
}

std::set<std::string> fusionsToLeaveOut(uint64_t variant) {
  std::set<std::string> names;
  Random random(variant, "fusions left out");
  const bool all = random.below(2) == 0;
  for (const Fusion& fusion : allFusions())
    if (all || random.below(3) == 0) names.emplace(fusion.name);
  return names;
}

std::string compared(const RandomGraph& graph, uint64_t variant) {
  CompileOptions threads;
  threads.threads = variant % 2 == 0 ? 2 : 4;
  CompileOptions plain;
  plain.disabledFusions = fusionsToLeaveOut(variant);
  const auto cpu = makeCpuBackend();
  const std::vector<Buffer> found = runOn(*cpu, graph.model, graph.inputs);
  if (std::string fault = difference(graph, found, "one thread"); !fault.empty()) return fault;
  if (!sameBytes(runOn(*makeCpuBackend(true), graph.model, graph.inputs, threads), found))
    return text(threads.threads, " threads: other bytes than one");
  return difference(graph, runOn(*cpu, graph.model, graph.inputs, plain), "some fusions left out");
}

/// Unread inputs are dropped, and the references run again.
std::optional<RandomGraph> rebuilt(Graph graph, const std::map<ValueId, Tensor>& known) {
  graph.eraseDead();
  std::vector<ValueId> read;
  for (const ValueId id : graph.inputs())
    if (!graph.uses(id).empty()) read.push_back(id);
  graph.setInputs(read);
  if (graph.nodeCount() == 0) return std::nullopt;
  RandomGraph made;
  for (const ValueId id : read) made.inputs.push_back(known.at(id));
  made.outputs = evaluate(graph, made.inputs);
  made.model.irVersion = 10;
  made.model.opsets.set("", kNewestOpset);
  made.model.graph = std::move(graph);
  return made;
}

std::map<ValueId, Tensor> allValues(const RandomGraph& item) {
  const Graph& graph = item.model.graph;
  std::vector<ValueId> computed;
  for (const ValueId id : graph.values())
    if (graph.producer(id)) computed.push_back(id);
  const std::vector<Tensor> all = evaluate(graph, item.inputs, computed);
  std::map<ValueId, Tensor> known;
  for (size_t i = 0; i < computed.size(); ++i) known[computed[i]] = all[graph.outputs().size() + i];
  for (size_t i = 0; i < item.inputs.size(); ++i) known[graph.runtimeInputs()[i]] = item.inputs[i];
  return known;
}

/// Graphs with one output fewer, one value given instead of computed, or one node passed over.
std::vector<RandomGraph> smaller(const RandomGraph& item) {
  const Graph& graph = item.model.graph;
  const std::map<ValueId, Tensor> known = allValues(item);
  std::vector<RandomGraph> all;
  const auto consider = [&](Graph candidate) {
    if (std::optional<RandomGraph> made = rebuilt(std::move(candidate), known)) all.push_back(*std::move(made));
  };
  for (const auto& [id, tensor] : known) {
    if (!graph.producer(id)) continue;
    if (graph.outputs() != std::vector<ValueId>{id}) {
      Graph ended = graph;
      ended.setOutputs({id});
      consider(std::move(ended));
    }
    if (!graph.uses(id).empty()) {
      Graph begun = graph;
      const ValueId given = begun.add({"g", Type::tensor(tensor.dtype(), tensor.shape()), std::nullopt, {}});
      begun.addInput(given);
      for (const Use& use : graph.uses(id)) begun.setInput(use.node, use.index, given);
      std::map<ValueId, Tensor> more = known;
      more[given] = tensor;
      if (std::optional<RandomGraph> made = rebuilt(std::move(begun), more)) all.push_back(*std::move(made));
    }
  }
  for (const NodeId id : graph.nodes()) {
    const Node& node = graph.node(id);
    const auto from = known.find(node.input(0));
    if (from == known.end() || graph.isOutput(node.outputs[0]) ||
        from->second.dtype() != known.at(node.outputs[0]).dtype() ||
        !(from->second.shape() == known.at(node.outputs[0]).shape()))
      continue;
    Graph passed = graph;
    passed.replaceUses(node.outputs[0], node.inputs[0]);
    consider(std::move(passed));
  }
  return all;
}

/// The cpu backend's table, counting which of its makers take nodes.
class CountingSource : public KernelSource {
 public:
  explicit CountingSource(std::vector<int64_t>& counts) : counts_(counts) {}
  KernelChoice choose(const KernelRequest& request) override {
    for (size_t i = 0; i < counts_.size(); ++i) {
      const KernelEntry& entry = cpuKernels()[i];
      if (entry.op != request.node.op || entry.domain != request.node.domain) continue;
      KernelChoice choice = entry.make(request, context_);
      if (choice.outputLayouts.empty()) continue;
      ++counts_[i];
      return choice;
    }
    return makeReferenceKernel(request, [](const auto&...) { return nullptr; });
  }
  std::unique_ptr<Kernel> makeReorder(DType dtype, const Shape& shape, Layout from, Layout to, int threads) override {
    return makeReorderKernel(dtype, shape, from, to, threads);
  }

 private:
  std::vector<int64_t>& counts_;
  CpuContext context_;
};

size_t sizeOf(const RandomGraph& item) {
  return item.model.graph.nodeCount() * 8 + item.model.graph.outputs().size();
}

}  // namespace

std::string faultOf(const RandomGraph& graph, uint64_t variant) {
  try {
    return compared(graph, variant);
  } catch (const Error& error) {
    return error.message();
  }
}

RandomGraph shrunk(const RandomGraph& graph, uint64_t variant) {
  RandomGraph best = graph;
  for (bool isSmaller = true; isSmaller;) {
    isSmaller = false;
    for (RandomGraph& candidate : smaller(best))
      if (sizeOf(candidate) < sizeOf(best) && !faultOf(candidate, variant).empty()) {
        best = std::move(candidate);
        isSmaller = true;
        break;
      }
  }
  return best;
}

std::string describe(const RandomGraph& graph) {
  std::string all = writeText(graph.model);
  for (size_t i = 0; i < graph.inputs.size(); ++i)
    all += text("# input ", i, ": ", writeNumbers(graph.inputs[i]), "\n");
  return all;
}

void PlanCoverage::add(const Model& model, const std::vector<Tensor>& inputs) {
  std::vector<Type> types;
  for (const Tensor& input : inputs) types.push_back(Type::tensor(input.dtype(), input.shape()));
  FusedGraph fused(model.graph, types, {});
  if (!fused.isStatic()) return;
  const std::vector<int64_t> changes = fuse(fused, {});
  fusions_.resize(changes.size(), 0);
  for (size_t i = 0; i < changes.size(); ++i) fusions_[i] += changes[i];
  kernels_.resize(cpuKernels().size(), 0);
  CountingSource source(kernels_);
  makeSchedule(fused, source, {});
}

std::vector<std::string> PlanCoverage::missing() const {
  std::vector<std::string> names;
  const auto kernels = cpuKernels();
  for (size_t i = 0; i < kernels.size(); ++i)
    if (i >= kernels_.size() || kernels_[i] == 0) names.push_back(text("kernel ", i, " of ", kernels[i].op));
  for (size_t i = 0; i < allFusions().size(); ++i)
    if (i >= fusions_.size() || fusions_[i] == 0) names.push_back(text("fusion ", allFusions()[i].name));
  return names;
}

}  // namespace compress::test
