#include "passes/prune/zero_slices.h"

#include <algorithm>

#include "passes/edit.h"
#include "passes/prune/remove.h"
#include "passes/prune/rules.h"

namespace compress {
namespace {

/// Is zero within the bounds of a Clip?
bool keepsZero(const Node& clip, const KnownTypes& known) {
  const auto bound = [&](size_t input) {
    return findScalar(clip.input(input) ? known.value(clip.input(input)) : nullptr);
  };
  const auto low = bound(1), high = bound(2);
  return (!clip.input(1) || (low && *low <= 0)) && (!clip.input(2) || (high && *high >= 0));
}

}  // namespace

ZeroSlices::ZeroSlices(const Graph& graph, const KnownTypes& known, const TieSet& set) : graph_(graph), known_(known) {
  const auto collect = [&](const Tie& tie) {
    for (const Tie::Member& result : tie.members)
      for (const Tie::Member& operand : tie.members)
        if (graph.producer(result.axis.value) == tie.node && graph.producer(operand.axis.value) != tie.node)
          operands_[result.axis].push_back(operand.axis);
  };
  for (const Tie& tie : set.ties) {
    collect(tie);
    if (tie.isSummed)
      for (const Tie::Member& member : tie.members) sumsOf_[member.axis].push_back(&tie);
  }
  for (const Digits& digits : set.digits)
    for (const Tie& digit : digits) collect(digit);
}

const Tie* ZeroSlices::findBrokenSum(const Slices& removed) {
  isZero_.clear();
  for (const auto& [axis, slices] : removed) {
    const auto sums = sumsOf_.find(axis);
    if (sums == sumsOf_.end()) continue;
    for (const Tie* tie : sums->second)
      if (std::ranges::none_of(tie->members, [&](const Tie::Member& member) { return isZero(member.axis, removed); }))
        return tie;
  }
  return nullptr;
}

bool ZeroSlices::isZero(const Axis& axis, const Slices& removed) {
  if (!removed.contains(axis)) return false;
  if (graph_.constant(axis.value) != nullptr) return isMaskable(graph_, axis.value);
  if (!graph_.producer(axis.value)) return false;
  if (const auto found = isZero_.find(axis); found != isZero_.end()) return found->second;
  return isZero_[axis] = isZeroResult(axis, removed);
}

bool ZeroSlices::isZeroResult(const Axis& axis, const Slices& removed) {
  const Node& node = graph_.node(graph_.producer(axis.value));
  const PruneRule* rule = findPruneRule(node.op, node.domain);
  const auto isZeroAt = [&](size_t index) { return isZeroOperand(axis, index, removed); };
  const auto isZeroOrAbsent = [&](size_t index) { return !node.input(index) || isZeroAt(index); };
  switch (rule == nullptr ? Zeros::never : rule->zeros) {
    case Zeros::never:
      return false;
    case Zeros::passed:
      return areAllZero(axis, removed);
    case Zeros::clipped:
      return keepsZero(node, known_) && areAllZero(axis, removed);
    case Zeros::ofWeights:
      return (isZeroAt(0) || isZeroAt(1)) && isZeroOrAbsent(2);
    case Zeros::ofNorm:
      return isZeroAt(1) && isZeroOrAbsent(2);
    case Zeros::ofAll:
      for (size_t i = 0; i < node.inputs.size(); ++i)
        if (!isZeroOrAbsent(i)) return false;
      return true;
    case Zeros::ofAny:
      for (size_t i = 0; i < node.inputs.size(); ++i)
        if (isZeroAt(i)) return true;
      return false;
  }
  return false;
}

bool ZeroSlices::isZeroOperand(const Axis& result, size_t index, const Slices& removed) {
  const ValueId operand = graph_.node(graph_.producer(result.value)).input(index);
  const auto found = operands_.find(result);
  return operand && found != operands_.end() && std::ranges::any_of(found->second, [&](const Axis& axis) {
           return axis.value == operand && isZero(axis, removed);
         });
}

bool ZeroSlices::areAllZero(const Axis& result, const Slices& removed) {
  const auto found = operands_.find(result);
  if (found == operands_.end()) return false;
  int64_t count = 0;
  for (const Axis& axis : found->second) {
    if (!removed.contains(axis)) continue;
    if (!isZero(axis, removed)) return false;
    ++count;
  }
  return count > 0;
}

}  // namespace compress
