#include "passes/prune/ties.h"

#include <algorithm>

#include "lib/base/text.h"
#include "passes/edit.h"
#include "passes/prune/rules.h"

namespace compress {
namespace {

std::vector<ValueId> operandsOf(const Node& node) {
  std::vector<ValueId> operands;
  for (const auto* list : {&node.inputs, &node.outputs})
    for (const ValueId value : *list)
      if (value && std::ranges::find(operands, value) == operands.end()) operands.push_back(value);
  return operands;
}

void blockValue(TieSet& set, const KnownTypes& known, ValueId value, const Obstacle& obstacle) {
  const auto shape = known.shape(value);
  for (size_t axis = 0; shape && axis < shape->rank(); ++axis) set.blocked.try_emplace({value, axis}, obstacle);
}

/// A value of unknown shape among the operands of the node; none when all are known.
ValueId shapeless(const Node& node, const KnownTypes& known) {
  for (const ValueId value : operandsOf(node))
    if (!known.shape(value)) return value;
  return kNoValue;
}

void collect(const Graph& graph, const KnownTypes& known, NodeId id, TieSet& set) {
  const Node& node = graph.node(id);
  const auto blockOperands = [&](const std::string& reason) {
    for (const ValueId value : operandsOf(node)) blockValue(set, known, value, {reason, id});
  };
  const PruneRule* rule = hasBody(node) ? nullptr : findPruneRule(node.op, node.domain);
  if (rule == nullptr)
    return blockOperands(text("no pruning rule for ", node.domain, node.domain.empty() ? "" : ":", node.op));
  if (const ValueId value = shapeless(node, known))
    return blockOperands(text("the shape of '", graph.value(value).name, "' is not known"));
  NodeTies ties(graph, known, id, set);
  rule->ties(ties);
  ties.finish();
}

}  // namespace

NodeTies::NodeTies(const Graph& graph, const KnownTypes& known, NodeId id, TieSet& set)
    : graph_(graph), known_(known), id_(id), set_(set) {
  for (const ValueId value : operandsOf(node())) {
    shapes_[value] = *known.shape(value);
    for (size_t axis = 0; axis < shapes_[value].rank(); ++axis) mentioned_[{value, axis}] = false;
  }
}

std::optional<std::vector<int64_t>> NodeTies::integers(std::string_view attribute, size_t index) const {
  if (node().attributes.has(attribute)) return node().attributes.integers(attribute);
  const ValueId value = input(index);
  const Tensor* tensor = value ? known(value) : nullptr;
  if (tensor == nullptr) return std::nullopt;
  return toInts(*tensor);
}

void NodeTies::mention(const Tie& tie) {
  for (const Tie::Member& member : tie.members) mentioned_[member.axis] = true;
}

void NodeTies::tie(Tie tie) {
  std::erase_if(tie.members, [](const Tie::Member& member) { return !member.axis.value; });
  tie.node = id_;
  mention(tie);
  set_.ties.push_back(std::move(tie));
}

void NodeTies::tieAxes(const std::vector<Axis>& axes, bool exact) {
  Tie joined{.members = {}, .exact = exact};
  for (const Axis& axis : axes) joined.members.push_back({axis});
  tie(std::move(joined));
}

void NodeTies::tieSummed(const std::vector<Axis>& factors) {
  Tie joined{.members = {}, .isSummed = true};
  for (const Axis& axis : factors) joined.members.push_back({axis});
  tie(std::move(joined));
}

void NodeTies::tieAll(ValueId a, ValueId b) {
  for (size_t axis = 0; axis < rank(a); ++axis) tieAxes({{a, axis}, {b, axis}});
}

void NodeTies::choose(Digits digits) {
  for (Tie& digit : digits) {
    std::erase_if(digit.members, [](const Tie::Member& member) { return !member.axis.value; });
    digit.node = id_;
    mention(digit);
  }
  set_.digits.push_back(std::move(digits));
}

void NodeTies::block(ValueId value, size_t axis, std::string reason) {
  set_.blocked.try_emplace({value, axis}, Obstacle{std::move(reason), id_});
}

void NodeTies::blockAll(const std::string& reason) {
  for (const auto& [axis, isMentioned] : mentioned_) block(axis.value, axis.axis, reason);
}

void NodeTies::finish() {
  for (const auto& [axis, isMentioned] : mentioned_)
    if (!isMentioned && size(axis.value, axis.axis) > 1)
      block(axis.value, axis.axis, text(node().op, " needs all of axis ", axis.axis));
}

TieSet collectTies(const Graph& graph, const KnownTypes& known) {
  TieSet set;
  for (const ValueId value : graph.inputs())
    if (graph.constant(value) == nullptr) blockValue(set, known, value, {"a graph input", {}});
  for (const ValueId value : graph.outputs()) blockValue(set, known, value, {"a graph output", {}});
  for (const NodeId id : graph.order()) collect(graph, known, id, set);
  return set;
}

}  // namespace compress
