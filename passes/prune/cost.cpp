#include "passes/prune/cost.h"

#include <set>

#include "lib/eval/facts.h"
#include "passes/prune/remove.h"

namespace compress {
namespace {

Type typeWithout(const KnownTypes& known, ValueId value, const Slices& removed) {
  Type type = known.type(value);
  const auto shape = known.shape(value);
  if (!shape) return type;
  for (size_t axis = 0; axis < shape->rank(); ++axis)
    if (const auto found = removed.find({value, axis}); found != removed.end())
      (*type.dims)[axis] = Dim::of((*shape)[axis] - static_cast<int64_t>(found->second.size()));
  return type;
}

std::vector<Type> typesWithout(const KnownTypes& known, const std::vector<ValueId>& values, const Slices& removed) {
  std::vector<Type> types;
  for (const ValueId value : values) types.push_back(value ? typeWithout(known, value, removed) : Type{});
  return types;
}

}  // namespace

CostModel::CostModel(const Graph& graph, const KnownTypes& known, LatencyTable* latencies)
    : graph_(graph), known_(known), latencies_(latencies) {}

PruneCost CostModel::ofNodes(const std::vector<NodeId>& nodes, const std::vector<ValueId>& constants,
                             const Slices& removed) const {
  PruneCost cost;
  for (const NodeId id : nodes) {
    const Node& node = graph_.node(id);
    const std::vector<Type> inputs = typesWithout(known_, node.inputs, removed);
    const std::vector<Type> outputs = typesWithout(known_, node.outputs, removed);
    cost.macs += macsOf(node, inputs, outputs).value_or(0);
    if (latencies_ != nullptr) cost.ms += latencies_->ms(graph_, node, inputs, outputs);
  }
  for (const ValueId value : constants) {
    const Type type = typeWithout(known_, value, removed);
    if (!type.shape()) continue;
    cost.parameters += type.shape()->elementCount();
    cost.bytes += (type.shape()->elementCount() * bitsOf(type.dtype) + 7) / 8;
  }
  return cost;
}

PruneCost CostModel::total(const Slices& removed) const {
  std::vector<ValueId> constants;
  for (const ValueId value : graph_.values())
    if (graph_.constant(value) != nullptr) constants.push_back(value);
  return ofNodes(graph_.nodes(), constants, removed);
}

PruneCost CostModel::saved(const Slices& removed, const Slices& more) const {
  std::set<NodeId> nodes;
  std::set<ValueId> constants;
  Slices both;
  for (const auto& [axis, slices] : more) {
    if (graph_.constant(axis.value) != nullptr) constants.insert(axis.value);
    if (const NodeId producer = graph_.producer(axis.value)) nodes.insert(producer);
    for (const Use& use : graph_.uses(axis.value)) nodes.insert(use.node);
  }
  for (const NodeId id : nodes)
    for (const auto* list : {&graph_.node(id).inputs, &graph_.node(id).outputs})
      for (const ValueId value : *list)
        for (size_t axis = 0; value && axis < known_.rank(value).value_or(0); ++axis)
          if (const auto found = removed.find({value, axis}); found != removed.end()) both.insert(*found);
  const std::vector<NodeId> affected(nodes.begin(), nodes.end());
  const std::vector<ValueId> cut(constants.begin(), constants.end());
  const PruneCost before = ofNodes(affected, cut, both);
  unite(both, more);
  return before - ofNodes(affected, cut, both);
}

}  // namespace compress
