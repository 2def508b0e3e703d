#include "passes/quantize/units.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <set>

#include "lib/base/parallel.h"

namespace compress {
namespace {

/// Copies the nodes that compute one value out of a graph.
class Cutter {
 public:
  Cutter(const Model& model, const Inferred& inferred, const std::set<ValueId>& cuts)
      : source_(model.graph), inferred_(inferred), cuts_(cuts) {
    unit_.model.opsets = model.opsets;
    unit_.model.irVersion = model.irVersion;
  }

  Unit cut(ValueId output) {
    unit_.output = output;
    std::set<NodeId> nodes;
    collect(source_.producer(output), nodes);
    for (const NodeId id : source_.order())
      if (nodes.contains(id)) copy(id);
    unit_.model.graph.addOutput(values_.at(output));
    return std::move(unit_);
  }

 private:
  void collect(NodeId id, std::set<NodeId>& nodes) {
    if (!nodes.insert(id).second) return;
    for (const ValueId input : source_.node(id).inputs)
      if (input && !cuts_.contains(input) && source_.producer(input)) collect(source_.producer(input), nodes);
  }

  ValueId valueFor(ValueId id) {
    if (!id) return kNoValue;
    if (const auto it = values_.find(id); it != values_.end()) return it->second;
    Value value{source_.value(id).name, inferred_.types[static_cast<size_t>(id.index)], source_.value(id).constant, {}};
    const bool given = !value.constant;
    const ValueId here = unit_.model.graph.add(std::move(value));
    values_.emplace(id, here);
    if (given) {
      unit_.model.graph.addInput(here);
      unit_.inputs.push_back(id);
    }
    return here;
  }

  void copy(NodeId id) {
    Node node = source_.node(id);
    for (ValueId& input : node.inputs) input = valueFor(input);
    for (ValueId& output : node.outputs) {
      if (!output) continue;
      const ValueId here = unit_.model.graph.add(
          {source_.value(output).name, inferred_.types[static_cast<size_t>(output.index)], std::nullopt, {}});
      values_.emplace(output, here);
      output = here;
    }
    nodes_.emplace(id, unit_.model.graph.append(std::move(node)));
  }

 public:
  NodeId nodeHere(NodeId id) const {
    const auto it = nodes_.find(id);
    return it == nodes_.end() ? NodeId{} : it->second;
  }

 private:
  const Graph& source_;
  const Inferred& inferred_;
  const std::set<ValueId>& cuts_;
  Unit unit_;
  std::map<ValueId, ValueId> values_;
  std::map<NodeId, NodeId> nodes_;
};

/// Nearest of the 256 steps from `low` on, times the scale.
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void roundToSteps(std::span<const float> from,
                                                                                        std::span<float> to,
                                                                                        float scale, float low) {
  constexpr float kRound =
      12582912;  // 1.5 * 2^23: adding and subtracting it rounds to the nearest integer, ties to even
  const float inverse = 1 / scale, high = low + 255;
  for (size_t i = 0; i < from.size(); ++i)
    to[i] = (std::min(std::max(from[i] * inverse, low), high) + kRound - kRound) * scale;
}

bool isReadByInteger(const Graph& graph, const Cutter& cutter, const QuantizePlan& plan, ValueId value) {
  return std::ranges::any_of(graph.uses(value), [&](const Use& use) {
    return cutter.nodeHere(use.node) && std::ranges::find(plan.nodes, use.node, &PlannedNode::node) != plan.nodes.end();
  });
}

Unit cutUnit(const Model& model, const Inferred& inferred, const QuantizePlan& plan, const std::set<ValueId>& cuts,
             ValueId output) {
  Cutter cutter(model, inferred, cuts);
  Unit unit = cutter.cut(output);
  for (const ValueId input : unit.inputs) {
    const auto tensor = plan.findTensor(input);
    unit.seesQuantized.push_back(
        tensor && (plan.tensors[*tensor].fromInteger || isReadByInteger(model.graph, cutter, plan, input)));
  }
  for (const PlannedNode& planned : plan.nodes) {
    const NodeId here = cutter.nodeHere(planned.node);
    if (!here) continue;
    if (planned.rule->kind == QuantizeKind::weighted) {
      unit.weighted = planned.node;
      unit.weightedHere = here;
    }
    const auto group = [&](ValueId value) -> std::optional<size_t> {
      const auto tensor = plan.findTensor(value);
      return tensor ? std::optional(plan.tensors[*tensor].group) : std::nullopt;
    };
    const bool moves = planned.rule->kind == QuantizeKind::movement || planned.rule->kind == QuantizeKind::join;
    unit.movesOnly = moves && planned.output == output && group(output) &&
                     std::ranges::all_of(unit.inputs, [&](ValueId input) { return group(input) == group(output); });
  }
  return unit;
}

}  // namespace

std::vector<Unit> cutIntoUnits(const Model& model, const Inferred& inferred, const QuantizePlan& plan,
                               bool beforeClamps) {
  const Graph& graph = model.graph;
  std::set<ValueId> cuts;
  for (const PlannedTensor& tensor : plan.tensors) cuts.insert(tensor.value);
  for (const PlannedNode& planned : plan.nodes)
    if (beforeClamps && planned.rule->kind == QuantizeKind::weighted) cuts.insert(graph.node(planned.node).outputs[0]);
  std::set<ValueId> targets = cuts;
  targets.insert(graph.outputs().begin(), graph.outputs().end());
  std::vector<Unit> units;
  for (const NodeId id : graph.order())
    for (const ValueId output : graph.node(id).outputs)
      if (output && targets.contains(output)) units.push_back(cutUnit(model, inferred, plan, cuts, output));
  return units;
}

void setWeight(Unit& unit, Tensor weight, std::span<const float> bias) {
  Graph& graph = unit.model.graph;
  const Node node = graph.node(unit.weightedHere);
  graph.setConstant(node.inputs[1], std::move(weight));
  if (bias.empty()) return;
  Tensor values = Tensor::of<float>(Shape{static_cast<int64_t>(bias.size())}, bias);
  if (node.input(2)) {
    graph.setConstant(node.inputs[2], std::move(values));
  } else {
    graph.setInputs(unit.weightedHere, {node.inputs[0], node.inputs[1], graph.addConstant("bias", std::move(values))});
  }
}

UnitRunner::UnitRunner(const Unit& unit, Backend& backend, int threads) {
  for (int i = 0; i < std::max(threads, 1); ++i) sessions_.push_back(std::make_unique<Session>(unit.model, backend));
}

void UnitRunner::forEach(size_t samples, const std::function<void(size_t, const Run&)>& body) {
  const auto workers = static_cast<int64_t>(std::min(sessions_.size(), samples));
  std::atomic<size_t> next = 0;
  parallelFor(workers, [&](int64_t worker) {
    const Run run = [&](std::vector<Tensor> inputs) {
      Bindings bindings{std::move(inputs), {}};
      sessions_[static_cast<size_t>(worker)]->run(bindings);
      return std::move(bindings.outputs[0]).freeze();
    };
    for (size_t sample = next++; sample < samples; sample = next++) body(sample, run);
  });
}

SampleStore::SampleStore(const std::vector<Unit>& units, size_t samples) : samples_(samples) {
  for (const Unit& unit : units)
    for (const ValueId input : unit.inputs) ++readers_[input];
}

void SampleStore::doneWith(const Unit& unit) {
  for (const ValueId input : unit.inputs)
    if (--readers_[input] == 0) tensors_.erase(input);
  if (readers_[unit.output] == 0) tensors_.erase(unit.output);
}

Tensor fakeQuantized(const Tensor& tensor, const Encoding& encoding) {
  const bool isUnsigned = encoding.dtype == DType::u8;
  const float low = static_cast<float>((isUnsigned ? 0 : -128) - encoding.zeroPoints[0]);
  Buffer buffer(DType::f32, tensor.shape());
  roundToSteps(tensor.as<float>(), buffer.as<float>(), encoding.scales[0], low);
  return std::move(buffer).freeze();
}

}  // namespace compress
