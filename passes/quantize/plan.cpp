#include "passes/quantize/plan.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>

#include "lib/base/text.h"

namespace compress {
namespace {

/// The upper end of a clamp [0, max]; nothing when the node is none.
std::optional<float> clampMaxOf(const Graph& graph, const Node& node) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (node.is("Relu")) return kInfinity;
  if (!node.is("Clip")) return std::nullopt;
  const auto bound = [&](size_t i, std::string_view attribute, float absent) -> std::optional<float> {
    if (!node.input(i)) return node.attributes.real(attribute, absent);
    const Tensor* constant = graph.constant(node.input(i));
    if (constant == nullptr || constant->dtype() != DType::f32 || constant->elementCount() != 1) return std::nullopt;
    return constant->as<float>()[0];
  };
  const auto low = bound(1, "min", -kInfinity), high = bound(2, "max", kInfinity);
  if (!low || !high || *low != 0 || *high <= 0) return std::nullopt;
  return high;
}

class Planner {
 public:
  Planner(const Graph& graph, const Inferred& inferred, const PlanOptions& options)
      : graph_(graph), inferred_(inferred), options_(options), order_(graph.order()) {}

  QuantizePlan plan() {
    for (const NodeId id : order_) nodes_[id] = judge(id);
    keepHeadsFloat();
    do markWanted();
    while (dropArithmetic());
    markTail();
    collectTensors();
    collectNodes();
    group();
    listSkipped();
    return std::move(plan_);
  }

 private:
  struct State {
    const QuantizeRule* rule = nullptr;
    std::string reason;      ///< why it stays float
    bool candidate = false;  ///< nothing forbids it
    bool integer = false;
    NodeId clamp;  ///< that its Q would make redundant
  };

  State judge(NodeId id) const {
    const Node& node = graph_.node(id);
    State state;
    state.rule = findRule(options_.target, node);
    if (state.rule == nullptr) {
      state.reason = reasonWithoutRule(node);
      return state;
    }
    state.reason = state.rule->blocked(RuleContext{graph_, inferred_, id});
    if (state.reason.empty() && options_.excluded) state.reason = options_.excluded(id);
    if (state.reason.empty()) state.reason = reasonForConstants(*state.rule, node);
    state.candidate = state.reason.empty();
    state.integer =
        state.candidate && (state.rule->kind == QuantizeKind::weighted ||
                            state.rule->kind == QuantizeKind::arithmetic || state.rule->kind == QuantizeKind::pool);
    if (state.candidate && state.rule->absorbsClamp)
      if (const auto use = graph_.onlyUse(node.outputs[0]); use && clampMaxOf(graph_, graph_.node(use->node)))
        state.clamp = use->node;
    return state;
  }

  std::string reasonForConstants(const QuantizeRule& rule, const Node& node) const {
    const auto isConstant = [&](ValueId input) { return graph_.constant(input) != nullptr; };
    if (rule.kind == QuantizeKind::join && std::ranges::any_of(node.inputs, isConstant))
      return "one of its inputs is constant";
    return isConstant(node.inputs[0]) ? "its data are constant" : "";
  }

  /// Layers whose results meet in a Concat and then go to the graph's outputs through float operators alone: boxes,
  /// scores and classes of a detector. Eight bits for numbers of such different kinds cost accuracy and save next to
  /// nothing.
  void keepHeadsFloat() {
    std::map<NodeId, bool> isTail, meets;
    for (auto it = order_.rbegin(); it != order_.rend(); ++it) {
      State& state = nodes_[*it];
      const Node& node = graph_.node(*it);
      bool allTail = true, anyMeets = false;
      for (const ValueId output : node.outputs)
        for (const Use& use : output ? graph_.uses(output) : std::vector<Use>{}) {
          allTail = allTail && isTail[use.node];
          anyMeets = anyMeets || meets[use.node];
        }
      const bool isLayer = state.rule != nullptr && state.rule->kind == QuantizeKind::weighted;
      isTail[*it] = !isLayer && allTail;
      meets[*it] = !node.is("Shape") && !node.is("Size") && (anyMeets || node.is("Concat"));
      if (!isLayer || !state.candidate || !allTail || !anyMeets) continue;
      state.candidate = state.integer = false;
      state.reason = "its result goes into a decode tail, which stays float";
    }
  }

  std::vector<ValueId> dataInputs(NodeId id) const {
    const Node& node = graph_.node(id);
    switch (nodes_.at(id).rule->kind) {
      case QuantizeKind::arithmetic:
        return {node.inputs[0], node.inputs[1]};
      case QuantizeKind::join:
        return node.inputs;
      default:
        return {node.inputs[0]};
    }
  }

  /// Where the Q of an integer node stands.
  ValueId quantizedOutput(NodeId id) const {
    const State& state = nodes_.at(id);
    return state.clamp ? graph_.node(state.clamp).outputs[0] : graph_.node(id).outputs[0];
  }

  bool isWanted(ValueId id) const { return wanted_.contains(id); }

  /// From the end: a tensor is wanted when an integer node reads it; then the movement that makes it is integer too.
  void markWanted() {
    wanted_.clear();
    for (auto it = order_.rbegin(); it != order_.rend(); ++it) {
      State& state = nodes_[*it];
      if (!state.candidate) continue;
      if (state.rule->kind == QuantizeKind::movement || state.rule->kind == QuantizeKind::join)
        state.integer = isWanted(graph_.node(*it).outputs[0]);
      if (!state.integer) continue;
      for (const ValueId input : dataInputs(*it)) wanted_[input].push_back(*it);
    }
  }

  /// Is `input` quantized without the help of arithmetic nodes that are no producers of it?
  bool isAvailable(ValueId input, NodeId reader) const {
    if (const NodeId producer = integerProducer(input))
      return nodes_.at(producer).rule->needsOutput || readByOther(input, reader);
    return readByOther(input, reader);
  }

  bool readByOther(ValueId input, NodeId reader) const {
    const auto it = wanted_.find(input);
    return it != wanted_.end() && std::ranges::any_of(it->second, [&](NodeId other) {
             const QuantizeKind kind = nodes_.at(other).rule->kind;
             return other != reader && kind != QuantizeKind::arithmetic && kind != QuantizeKind::pool;
           });
  }

  /// The integer node whose Q stands behind `value`; none.
  NodeId integerProducer(ValueId value) const {
    const NodeId producer = graph_.producer(value);
    if (!producer) return {};
    if (nodes_.at(producer).integer) return nodes_.at(producer).clamp ? NodeId{} : producer;
    if (!clampMaxOf(graph_, graph_.node(producer))) return {};
    const NodeId before = graph_.producer(graph_.node(producer).inputs[0]);
    return before && nodes_.at(before).integer && nodes_.at(before).clamp == producer ? before : NodeId{};
  }

  /// Arithmetic and pools stay integer only between integers. True when one had to go.
  bool dropArithmetic() {
    bool dropped = false;
    for (const NodeId id : order_) {
      State& state = nodes_[id];
      if (!state.integer || (state.rule->kind != QuantizeKind::arithmetic && state.rule->kind != QuantizeKind::pool))
        continue;
      const auto inputs = dataInputs(id);
      if (!isWanted(quantizedOutput(id)))
        state.reason = "its result goes to float operators only";
      else if (!std::ranges::all_of(inputs, [&](ValueId input) { return isAvailable(input, id); }))
        state.reason = "an operand is float";
      else
        continue;
      state.integer = false;
      dropped = true;
    }
    return dropped;
  }

  /// Movement between an integer node and a graph output moves bytes, not floats.
  void markTail() {
    std::map<NodeId, bool> endsGraph;
    for (auto it = order_.rbegin(); it != order_.rend(); ++it) {
      const State& state = nodes_[*it];
      const ValueId output = graph_.node(*it).outputs[0];
      endsGraph[*it] = state.candidate && state.rule->kind == QuantizeKind::movement &&
                       std::ranges::all_of(graph_.uses(output), [&](const Use& use) { return endsGraph[use.node]; });
    }
    for (const NodeId id : order_) {
      if (nodes_[id].integer || !endsGraph[id]) continue;
      const ValueId input = graph_.node(id).inputs[0];
      const NodeId producer = integerProducer(input);
      if (!producer || !nodes_[producer].rule->needsOutput) continue;
      nodes_[id].integer = true;
      wanted_[input].push_back(id);
    }
  }

  void addTensor(ValueId value, bool fromInteger, std::optional<float> clampMax) {
    index_[value] = plan_.tensors.size();
    plan_.tensors.push_back({value, fromInteger, clampMax, 0});
  }

  void collectTensors() {
    for (const ValueId input : graph_.runtimeInputs())
      if (isWanted(input)) addTensor(input, false, std::nullopt);
    for (const NodeId id : order_) {
      for (const ValueId output : graph_.node(id).outputs) {
        if (!output) continue;
        const NodeId producer = integerProducer(output);
        const bool needed = producer && nodes_[producer].rule->needsOutput;
        if (!needed && !isWanted(output)) continue;
        const NodeId clamp = producer ? nodes_[producer].clamp : NodeId{};
        addTensor(output, static_cast<bool>(producer), clamp ? clampMaxOf(graph_, graph_.node(clamp)) : std::nullopt);
      }
    }
  }

  void collectNodes() {
    for (const NodeId id : order_) {
      const State& state = nodes_[id];
      if (!state.integer) continue;
      const ValueId output = quantizedOutput(id);
      const bool quantized = index_.contains(output);
      plan_.nodes.push_back({id, state.rule, quantized ? state.clamp : NodeId{}, quantized ? output : kNoValue});
    }
  }

  size_t find(size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }

  void unite(size_t a, size_t b) { parent_[std::max(find(a), find(b))] = std::min(find(a), find(b)); }

  /// Clamps of the sources of the group of `i`; a tensor that no clamp bounds counts as one without.
  std::optional<float> clampOf(size_t i) { return plan_.tensors[find(i)].clampMax; }

  void group() {
    parent_.resize(plan_.tensors.size());
    std::iota(parent_.begin(), parent_.end(), size_t{0});
    std::vector<bool> derived(parent_.size(), false);
    for (const PlannedNode& node : plan_.nodes) {
      const bool joins = node.rule->kind == QuantizeKind::join;
      if (node.rule->kind != QuantizeKind::movement && !joins) continue;
      const size_t output = index_.at(node.output);
      std::vector<size_t> inputs;
      for (const ValueId input : dataInputs(node.node)) inputs.push_back(index_.at(input));
      if (joins && !mayUnite(inputs)) continue;
      for (const size_t input : inputs) unite(input, output);
      derived[output] = true;
    }
    std::map<size_t, size_t> numbers;
    for (size_t i = 0; i < parent_.size(); ++i) {
      const auto [it, fresh] = numbers.try_emplace(find(i), plan_.groups.size());
      if (fresh) plan_.groups.emplace_back();
      plan_.tensors[i].group = it->second;
      plan_.groups[it->second].tensors.push_back(i);
      if (!derived[i]) plan_.groups[it->second].sources.push_back(i);
    }
  }

  /// A Concat's inputs share an encoding where the target profits from it and where no clamp that the Q replaces would
  /// be lost.
  bool mayUnite(const std::vector<size_t>& inputs) {
    if (options_.target != "portable") return false;
    return std::ranges::all_of(inputs, [&](size_t i) { return clampOf(i) == clampOf(inputs[0]); });
  }

  void listSkipped() {
    for (const NodeId id : order_) {
      const State& state = nodes_[id];
      const Node& node = graph_.node(id);
      if (state.integer || node.outputs.empty() || !node.outputs[0]) continue;
      const Type& type = inferred_.types[static_cast<size_t>(node.outputs[0].index)];
      if (type.isTensor() && !isFloating(type.dtype) && type.dtype != DType::undefined) continue;
      if (std::ranges::any_of(plan_.nodes, [&](const PlannedNode& planned) { return planned.clamp == id; })) continue;
      const std::string reason = !state.reason.empty() ? state.reason : "its result goes to float operators only";
      plan_.skipped.push_back({shownName(graph_, node), node.op, reason});
    }
    for (const NodeId id : order_) listBodies(graph_.node(id));
  }

  static std::string shownName(const Graph& graph, const Node& node) {
    return node.name.empty() ? graph.value(node.outputs[0]).name : node.name;
  }

  /// What a rule would quantize if it stood outside.
  void listBodies(const Node& outer) {
    std::vector<Body> pending;
    const auto addBodies = [&](const Node& node) {
      for (const Attribute& attribute : node.attributes) {
        if (const auto* body = std::get_if<Body>(&attribute.data)) pending.push_back(*body);
        if (const auto* bodies = std::get_if<std::vector<Body>>(&attribute.data))
          pending.insert(pending.end(), bodies->begin(), bodies->end());
      }
    };
    addBodies(outer);
    while (!pending.empty()) {
      const Body body = pending.back();
      pending.pop_back();
      for (const NodeId id : body->order()) {
        const Node& node = body->node(id);
        if (const QuantizeRule* rule = findRule(options_.target, node);
            rule != nullptr && rule->kind == QuantizeKind::weighted && !node.outputs.empty())
          plan_.skipped.push_back({shownName(*body, node), node.op, "it is in a body, which stays float"});
        addBodies(node);
      }
    }
  }

  const Graph& graph_;
  const Inferred& inferred_;
  const PlanOptions& options_;
  std::vector<NodeId> order_;
  std::map<NodeId, State> nodes_;
  std::map<ValueId, std::vector<NodeId>> wanted_;  ///< by integer nodes
  std::map<ValueId, size_t> index_;
  std::vector<size_t> parent_;
  QuantizePlan plan_;
};

}  // namespace

std::optional<size_t> QuantizePlan::findTensor(ValueId value) const {
  const auto it = std::ranges::find(tensors, value, &PlannedTensor::value);
  if (it == tensors.end()) return std::nullopt;
  return static_cast<size_t>(it - tensors.begin());
}

QuantizePlan planQuantization(const Graph& graph, const Inferred& inferred, const PlanOptions& options) {
  return Planner(graph, inferred, options).plan();
}

bool isQuantized(const Graph& graph) {
  return std::ranges::any_of(graph.nodes(), [&](NodeId id) {
    const std::string& op = graph.node(id).op;
    return op == "QuantizeLinear" || op == "DequantizeLinear" || op == "DynamicQuantizeLinear" ||
           op.starts_with("QLinear") || op == "ConvInteger" || op == "MatMulInteger";
  });
}

}  // namespace compress
