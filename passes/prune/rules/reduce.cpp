// Reductions and what picks along one axis: the other axes pass through. Sums take any slices that are zero; means are
// scaled to the count that they were taken over.
#include <algorithm>
#include <numeric>

#include "passes/edit.h"
#include "passes/prune/rules.h"

namespace compress {
namespace {

/// Axes of the operand that are reduced away; nothing when they are not known. `Reader` is NodeTies or NodePatch.
template <typename Reader>
std::optional<std::vector<bool>> reducedAxes(const Reader& reader) {
  const size_t rank = reader.shape(reader.node().inputs[0]).rank();
  std::vector<bool> reduced(rank, false);
  if (!reader.node().attributes.has("axes") && !reader.node().input(1)) {
    if (reader.node().attributes.integer("noop_with_empty_axes", 0) == 0) reduced.assign(rank, true);
    return reduced;
  }
  const auto axes = reader.integers("axes", 1);
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

/// Does the mean belong to a norm written out: of x for x - mean, or of the square of x?
bool isNormStatistic(const Graph& graph, const Node& reduce) {
  const ValueId x = reduce.inputs[0];
  for (const Use& use : graph.uses(reduce.outputs[0]))
    if (const Node& reader = graph.node(use.node); reader.is("Sub") && reader.inputs[0] == x) return true;
  const NodeId producer = graph.producer(x);
  if (!producer) return false;
  const Node& square = graph.node(producer);
  return square.is("Pow") || (square.is("Mul") && square.inputs[0] == square.inputs[1]);
}

void tieSum(NodeTies& ties) {
  tieReduce(ties);
  const auto reduced = reducedAxes(ties);
  for (size_t axis = 0; reduced && axis < reduced->size(); ++axis)
    if ((*reduced)[axis]) ties.tieSummed({{ties.input(0), axis}});
}

void tieMean(NodeTies& ties) {
  if (!isNormStatistic(ties.graph(), ties.node())) return tieSum(ties);
  tieReduce(ties);
  const auto reduced = reducedAxes(ties);
  for (size_t axis = 0; reduced && axis < reduced->size(); ++axis)
    if ((*reduced)[axis]) ties.tieAxes({{ties.input(0), axis}}, false);
}

/// The sum of what stays over the count of all, as it was.
void patchMean(NodePatch& patch) {
  const ValueId x = patch.node().inputs[0];
  const auto reduced = reducedAxes(patch);
  if (!reduced || isNormStatistic(patch.graph(), patch.node())) return;
  double share = 1;
  for (size_t axis = 0; axis < reduced->size(); ++axis)
    if ((*reduced)[axis]) share *= static_cast<double>(patch.kept(x, axis)) / static_cast<double>(patch.shape(x)[axis]);
  if (share == 1) return;
  const ValueId factor =
      patch.graph().addConstant("kept_share", makeFloats(patch.before().type(x).dtype, Shape{}, {share}));
  patch.passThrough("Mul", {factor});
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
  rules.push_back({"ReduceMean", "", tieMean, patchMean, Zeros::passed});
  for (const std::string_view op : {"ReduceSum", "ReduceSumSquare", "ReduceL1", "ReduceL2"})
    rules.push_back({op, "", tieSum, nullptr, Zeros::passed});
  for (const std::string_view op : {"ReduceMax", "ReduceMin", "ReduceProd"})
    rules.push_back({op, "", tieReduce, nullptr, Zeros::passed});
  for (const std::string_view op : {"ReduceLogSum", "ReduceLogSumExp"}) rules.push_back({op, "", tieReduce});
  for (const std::string_view op : {"ArgMax", "ArgMin"}) rules.push_back({op, "", tieArg});
  rules.push_back({"TopK", "", tieTopK});
  rules.push_back({"CumSum", "", tieCumSum});
  return rules;
}

}  // namespace compress
