// Conv and ConvTranspose: input channels with the weight's input axis, output channels with its output axis and the
// bias; depthwise and grouped forms tie channels of both sides.
#include <algorithm>

#include "passes/prune/rules.h"

namespace compress {
namespace {

/// Operands of a (transposed) convolution by what they are.
struct ConvAxes {
  Axis in, out;              ///< channels of data and result
  Axis weightIn, weightOut;  ///< axis 1 and 0 of a Conv's weight, 0 and 1 of a ConvTranspose's
  Axis bias;
  int64_t groups, inPerGroup, outPerGroup;
};

/// `x`, `w`, `b` are positions among the node's inputs.
ConvAxes axesOf(const NodeTies& ties, size_t x, size_t w, size_t b) {
  const bool isTransposed = ties.node().op == "ConvTranspose";
  const ValueId data = ties.input(x), weight = ties.input(w);
  ConvAxes axes{.in = {data, 1},
                .out = {ties.output(), 1},
                .weightIn = {weight, isTransposed ? 0U : 1U},
                .weightOut = {weight, isTransposed ? 1U : 0U},
                .bias = {ties.input(b), 0},
                .groups = ties.node().attributes.integer("group", 1),
                .inPerGroup = 0,
                .outPerGroup = 0};
  axes.inPerGroup = ties.size(data, 1) / axes.groups;
  axes.outPerGroup = ties.size(ties.output(), 1) / axes.groups;
  return axes;
}

/// One input channel per group: what leaves on one side leaves on the other.
void tieDepthwise(NodeTies& ties, const ConvAxes& axes, bool isTransposed) {
  const Labels multiplied = Labels::digit(axes.outPerGroup, axes.groups);
  Tie tie{{{axes.in}, {axes.out, multiplied}, {axes.bias, multiplied}}};
  tie.members.push_back(isTransposed ? Tie::Member{axes.weightIn} : Tie::Member{axes.weightOut, multiplied});
  ties.tie(std::move(tie));
}

/// Whole groups, or the same channels of every group.
void tieGrouped(NodeTies& ties, const ConvAxes& axes, bool isTransposed) {
  const Labels inGroup = Labels::digit(axes.inPerGroup, axes.groups);
  const Labels outGroup = Labels::digit(axes.outPerGroup, axes.groups);
  const Labels inWithin = Labels::digit(1, axes.inPerGroup), outWithin = Labels::digit(1, axes.outPerGroup);
  const Tie::Member grouped =
      isTransposed ? Tie::Member{axes.weightIn, inGroup} : Tie::Member{axes.weightOut, outGroup};
  ties.choose({
      Tie{{{axes.in, inGroup}, {axes.out, outGroup}, {axes.bias, outGroup}, grouped}},
      Tie{.members = {{axes.in, inWithin}, {axes.weightIn, isTransposed ? inWithin : Labels()}}, .isSummed = true},
      Tie{{{axes.out, outWithin}, {axes.bias, outWithin}, {axes.weightOut, isTransposed ? Labels() : outWithin}}},
  });
}

void tieChannels(NodeTies& ties, const ConvAxes& axes) {
  const bool isTransposed = ties.node().op == "ConvTranspose";
  ties.tieAxes({{axes.in.value, 0}, {axes.out.value, 0}});
  if (axes.groups == 1) {
    ties.tieSummed({axes.in, axes.weightIn});
    ties.tieAxes({axes.out, axes.weightOut, axes.bias});
  } else if (axes.inPerGroup == 1) {
    tieDepthwise(ties, axes, isTransposed);
  } else {
    tieGrouped(ties, axes, isTransposed);
  }
}

void tieConv(NodeTies& ties) {
  tieChannels(ties, axesOf(ties, 0, 1, 2));
}

/// How many of `groups` groups of `total` channels keep a channel.
int64_t groupsLeft(const std::vector<int64_t>& kept, int64_t total, int64_t groups) {
  std::vector<bool> lives(static_cast<size_t>(groups), false);
  for (const int64_t channel : kept) lives[static_cast<size_t>(channel / (total / groups))] = true;
  return std::ranges::count(lives, true);
}

void patchGroups(NodePatch& patch, ValueId data) {
  const int64_t groups = patch.node().attributes.integer("group", 1);
  if (groups == 1 || !patch.changes(data, 1)) return;
  const int64_t left = groupsLeft(patch.keptSlices(data, 1), patch.shape(data)[1], groups);
  patch.graph().setAttribute(patch.id(), "group", left);
}

void patchConv(NodePatch& patch) {
  patchGroups(patch, patch.node().inputs[0]);
}

/// Inputs x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point, B.
void tieQLinearConv(NodeTies& ties) {
  const ConvAxes axes = axesOf(ties, 0, 3, 8);
  tieChannels(ties, axes);
  for (const size_t parameter : {4U, 5U})
    if (ties.has(ties.input(parameter)) && ties.rank(ties.input(parameter)) == 1 &&
        ties.size(ties.input(parameter), 0) > 1)
      ties.tieAxes({axes.weightOut, {ties.input(parameter), 0}});
}

}  // namespace

std::vector<PruneRule> convPruneRules() {
  return {{"Conv", "", tieConv, patchConv, Zeros::ofWeights},
          {"ConvTranspose", "", tieConv, patchConv, Zeros::ofWeights},
          {"ConvInteger", "", [](NodeTies& ties) { tieChannels(ties, axesOf(ties, 0, 1, 99)); }, patchConv,
           Zeros::ofWeights},
          {"QLinearConv", "", tieQLinearConv, patchConv}};
}

}  // namespace compress
