#include "tools/bisect.h"

#include <algorithm>
#include <map>
#include <set>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/drift.h"
#include "lib/runtime/plan/fused_graph.h"
#include "lib/runtime/session.h"

namespace compress {
namespace {

using Names = std::set<std::string>;

class Bisection {
 public:
  Bisection(const Model& model, const std::vector<Tensor>& inputs, const BisectOptions& options)
      : model_(model), inputs_(inputs), options_(options) {}

  BisectResult run() {
    options_.progress("running the reference");
    expected_ = values(*reference_, {}, {});
    BisectResult result;
    result.outputs = divergences(values(*cpu_, {}, {}));
    if (result.outputs.empty()) return result;
    findFusion(result);
    findStep(result);
    return result;
  }

 private:
  /// Outputs of one run, then the observed values, by name.
  std::map<std::string, Tensor> values(Backend& backend, const Names& disabled,
                                       const std::vector<std::string>& observed) {
    Session session(model_, backend, {.threads = options_.threads, .observed = observed, .disabledFusions = disabled});
    Bindings bindings;
    bindings.inputs = inputs_;
    session.run(bindings);
    std::map<std::string, Tensor> found;
    for (size_t i = 0; i < bindings.outputs.size(); ++i)
      found[session.outputNames()[i]] = bindings.outputs[i].snapshot();
    return found;
  }

  std::optional<Divergence> divergenceOf(const std::string& name, const Tensor& expected, const Tensor& found) const {
    Divergence divergence{name, 0, found.elementCount(), 0};
    if (expected.dtype() != found.dtype() || !(expected.shape() == found.shape())) {
      divergence.mismatches = std::max<int64_t>(1, found.elementCount());
      return divergence;
    }
    divergence.mismatches = countMismatches(expected, found, options_.rtol, options_.atol);
    if (divergence.mismatches == 0) return std::nullopt;
    if (expected.dtype() != DType::string) {
      Drift drift;
      drift.add(expected, found);
      divergence.maxAbs = drift.maxAbs();
    }
    return divergence;
  }

  std::vector<Divergence> divergences(const std::map<std::string, Tensor>& found) const {
    std::vector<Divergence> list;
    for (const auto& [name, tensor] : found)
      if (auto divergence = divergenceOf(name, expected_.at(name), tensor)) list.push_back(*divergence);
    return list;
  }

  bool agreesWithout(const Names& disabled) { return divergences(values(*cpu_, disabled, {})).empty(); }

  void findFusion(BisectResult& result) {
    Names all;
    for (const Fusion& fusion : allFusions()) all.emplace(fusion.name);
    options_.progress("with all fusions off");
    result.differsUnfused = !agreesWithout(all);
    if (result.differsUnfused) return;
    for (const Fusion& fusion : allFusions()) {
      options_.progress(text("without fusion ", fusion.name));
      if (!agreesWithout({std::string(fusion.name)})) continue;
      result.fusion = fusion.name;
      return;
    }
    for (const Fusion& fusion : allFusions()) {  // several do it: the first of them that are enough
      all.erase(std::string(fusion.name));
      result.needed.emplace_back(fusion.name);
      options_.progress(text("with fusions up to ", fusion.name));
      if (!agreesWithout(all)) return;
    }
  }

  /// The value that leaves the nodes of a step; none where the plan made them up.
  ValueId resultOf(const StepInfo& step) const {
    const Graph& graph = model_.graph;
    Names members(step.fused.begin(), step.fused.end());
    members.insert(step.name);
    for (const NodeId id : graph.nodes()) {
      const Node& node = graph.node(id);
      if (node.name.empty() || !members.contains(node.name) || !node.output(0)) continue;
      const auto isInside = [&](const Use& use) { return members.contains(graph.node(use.node).name); };
      if (graph.isOutput(node.outputs[0]) || !std::ranges::all_of(graph.uses(node.outputs[0]), isInside))
        return node.outputs[0];
    }
    return kNoValue;
  }

  /// Results of steps are kept as they are: observing them breaks no fusion.
  void findStep(BisectResult& result) {
    options_.progress("comparing step by step");
    Session session(model_, *cpu_, {.threads = options_.threads});
    const std::vector<StepInfo> steps = session.plan(inputs_).steps();
    const Graph& graph = model_.graph;
    std::vector<std::string> observed;
    std::vector<std::pair<StepInfo, std::string>> made;
    for (const StepInfo& step : steps) {
      const ValueId value = resultOf(step);
      if (!value) continue;
      made.emplace_back(step, graph.value(value).name);
      if (!graph.isOutput(value)) observed.push_back(graph.value(value).name);
    }
    const std::map<std::string, Tensor> expected = values(*reference_, {}, observed);
    const std::map<std::string, Tensor> found = values(*cpu_, {}, observed);
    for (const auto& [step, value] : made) {
      const auto divergence = divergenceOf(value, expected.at(value), found.at(value));
      if (!divergence) continue;
      result.step = step;
      result.divergence = divergence;
      return;
    }
  }

  const Model& model_;
  const std::vector<Tensor>& inputs_;
  const BisectOptions& options_;
  std::unique_ptr<Backend> reference_ = makeReferenceBackend(), cpu_ = makeCpuBackend();
  std::map<std::string, Tensor> expected_;
};

}  // namespace

BisectResult bisect(const Model& model, const std::vector<Tensor>& inputs, const BisectOptions& options) {
  return Bisection(model, inputs, options).run();
}

}  // namespace compress
