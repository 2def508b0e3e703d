#include "tools/layer_costs.h"

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "lib/runtime/session.h"
#include "passes/select.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kLeastRuns = 3, kMostRuns = 30;
constexpr double kSeconds = 0.2;

/// Steps of a plan that ran, by the names of the nodes that they do.
class Costs {
 public:
  Costs(const Model& model, Backend& backend, int threads, const Sample& sample) {
    Session session(model, backend, {.threads = threads, .profile = true});
    Bindings bindings;
    bindings.inputs = sample.inputs;
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kMostRuns; ++i) {
      const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
      if (i >= kLeastRuns && passed.count() > kSeconds) break;
      session.run(bindings);
    }
    steps_ = session.plan(bindings.inputs).steps();
    for (size_t i = 0; i < steps_.size(); ++i) {
      byName_[steps_[i].name] = i;
      for (const std::string& fused : steps_[i].fused) byName_.emplace(fused, i);
    }
  }

  /// The step that does the node; null when there is none, or when it was taken before.
  const StepInfo* take(const std::string& node) {
    const auto it = byName_.find(node);
    if (it == byName_.end() || !taken_.insert(it->second).second) return nullptr;
    return &steps_[it->second];
  }

 private:
  std::vector<StepInfo> steps_;
  std::map<std::string, size_t> byName_;
  std::set<size_t> taken_;
};

/// Constants that the node reads, itself or through a DequantizeLinear.
int64_t constantBytes(const Graph& graph, NodeId id) {
  int64_t bytes = 0;
  const auto add = [&](ValueId value) {
    if (const Tensor* constant = graph.constant(value)) bytes += static_cast<int64_t>(constant->bytes().size());
  };
  for (const ValueId input : graph.node(id).inputs) {
    if (!input) continue;
    add(input);
    const NodeId producer = graph.producer(input);
    if (producer && graph.node(producer).is("DequantizeLinear"))
      for (const ValueId part : graph.node(producer).inputs) add(part);
  }
  return bytes;
}

}  // namespace

void addLayerCosts(VerbContext& context, const Model& before, const Model& after, Backend& backend,
                   const Dataset& samples) {
  context.console.progress("timing layers");
  const Sample sample = samples.read(0);
  const auto threads = static_cast<int>(context.common.threads);
  Costs old(before, backend, threads, sample), now(after, backend, threads, sample);
  std::map<std::string, NodeId> nodes;
  for (const NodeId id : after.graph.nodes()) nodes.emplace(nameOf(after.graph, after.graph.node(id)), id);
  for (Json& layer : context.document["layers"]) {
    const auto name = layer["name"].get<std::string>();
    if (const auto it = nodes.find(name); it != nodes.end()) layer["bytes"] = constantBytes(after.graph, it->second);
    if (const StepInfo* step = old.take(name)) layer.update({{"macs", step->macs}, {"ms_before", step->ms}});
    if (const StepInfo* step = now.take(name)) layer["ms_after"] = step->ms;
  }
}

}  // namespace compress
