// Reductions and what picks along one axis: the other axes pass through.
#include <algorithm>
#include <numeric>

#include "passes/prune/rules.h"

namespace compress {
namespace {

/// Axes of the operand that are reduced away; nothing when they are not known.
std::optional<std::vector<bool>> reducedAxes(const NodeTies& ties) {
  const size_t rank = ties.rank(ties.input(0));
  std::vector<bool> reduced(rank, false);
  if (!ties.node().attributes.has("axes") && !ties.has(ties.input(1))) {
    if (ties.node().attributes.integer("noop_with_empty_axes", 0) == 0) reduced.assign(rank, true);
    return reduced;
  }
  const auto axes = ties.integers("axes", 1);
  if (!axes) return std::nullopt;
  for (const int64_t axis : *axes) reduced[normalizedAxis(axis, rank)] = true;
  return reduced;
}

/// Ties the axes that stay, which shift where the reduced ones vanish.
void tieRemaining(NodeTies& ties, const std::vector<bool>& reduced, bool keepsAxes) {
  size_t to = 0;
  for (size_t axis = 0; axis < reduced.size(); ++axis) {
    if (!reduced[axis])
      for (const ValueId result : ties.node().outputs)
        if (result) ties.tieAxes({{ties.input(0), axis}, {result, to}});
    if (!reduced[axis] || keepsAxes) ++to;
  }
}

void tieReduce(NodeTies& ties) {
  const auto reduced = reducedAxes(ties);
  if (!reduced) return ties.blockAll("the reduced axes are computed");
  tieRemaining(ties, *reduced, ties.node().attributes.integer("keepdims", 1) != 0);
}

void tieArg(NodeTies& ties) {
  std::vector<bool> reduced(ties.rank(ties.input(0)), false);
  reduced[normalizedAxis(ties.node().attributes.integer("axis", 0), reduced.size())] = true;
  tieRemaining(ties, reduced, ties.node().attributes.integer("keepdims", 1) != 0);
}

/// TopK, CumSum: every axis but the one they work along.
void tieAlong(NodeTies& ties, int64_t along) {
  std::vector<bool> worked(ties.rank(ties.input(0)), false);
  worked[normalizedAxis(along, worked.size())] = true;
  tieRemaining(ties, worked, true);
}

void tieTopK(NodeTies& ties) {
  tieAlong(ties, ties.node().attributes.integer("axis", -1));
}

void tieCumSum(NodeTies& ties) {
  const auto axis = ties.integers("axis", 1);
  if (!axis || axis->size() != 1) return ties.blockAll("its axis is computed");
  tieAlong(ties, axis->front());
}

}  // namespace

std::vector<PruneRule> reducePruneRules() {
  std::vector<PruneRule> rules;
  for (const std::string_view op : {"ReduceMean", "ReduceSum", "ReduceSumSquare", "ReduceL1", "ReduceL2", "ReduceMax",
                                    "ReduceMin", "ReduceProd", "ReduceLogSum", "ReduceLogSumExp"})
    rules.push_back({op, "", tieReduce});
  for (const std::string_view op : {"ArgMax", "ArgMin"}) rules.push_back({op, "", tieArg});
  rules.push_back({"TopK", "", tieTopK});
  rules.push_back({"CumSum", "", tieCumSum});
  return rules;
}

}  // namespace compress
