// Normalisation and softmax. Where a statistic is taken over the slices themselves, what stays is computed from what
// goes as well: such ties are not exact.
#include <algorithm>

#include "passes/prune/rules.h"

namespace compress {
namespace {

/// Axis 1 with one parameter each, all others axis by axis.
void tiePerChannel(NodeTies& ties) {
  const ValueId x = ties.input(0), y = ties.output();
  for (size_t axis = 0; axis < ties.rank(x); ++axis) {
    std::vector<Axis> together = {{x, axis}, {y, axis}};
    for (size_t i = 1; axis == 1 && i < ties.node().inputs.size(); ++i) together.push_back({ties.input(i), 0});
    if (axis == 1 || ties.node().op == "BatchNormalization" || axis == 0) ties.tieAxes(together);
  }
}

/// LayerNormalization, RMSNormalization: statistics over the last axes.
void tieLayerNorm(NodeTies& ties) {
  const ValueId x = ties.input(0), y = ties.output();
  const size_t first = normalizedAxis(ties.node().attributes.integer("axis", -1), ties.rank(x));
  for (size_t axis = 0; axis < ties.rank(x); ++axis) {
    std::vector<Axis> together = {{x, axis}, {y, axis}};
    for (size_t i = 1; i < ties.node().inputs.size(); ++i) {
      const ValueId parameter = ties.input(i);
      if (!parameter) continue;
      const size_t missing = ties.rank(x) - ties.rank(parameter);
      if (axis >= missing && ties.size(parameter, axis - missing) > 1) together.push_back({parameter, axis - missing});
    }
    ties.tieAxes(together, axis < first);
  }
}

/// Whole groups leave exactly; single channels change the group's statistics and are not offered.
void tieGroupNorm(NodeTies& ties) {
  const ValueId x = ties.input(0), y = ties.output();
  const int64_t groups = ties.node().attributes.integer("num_groups", 1);
  const Labels group = Labels::digit(ties.size(x, 1) / groups, groups);
  ties.tieAxes({{x, 0}, {y, 0}});
  Tie channels{{{{x, 1}, group}, {{y, 1}, group}}};
  for (const size_t parameter : {1U, 2U})
    if (ties.has(ties.input(parameter)))
      channels.members.push_back(
          {{ties.input(parameter), 0}, ties.size(ties.input(parameter), 0) == groups ? Labels() : group});
  ties.tie(std::move(channels));
}

void patchGroupNorm(NodePatch& patch) {
  const ValueId x = patch.node().inputs[0];
  const int64_t groups = patch.node().attributes.integer("num_groups", 1);
  patch.graph().setAttribute(patch.id(), "num_groups", patch.kept(x, 1) / (patch.shape(x)[1] / groups));
}

/// Softmax and the like: all axes but the one they run along.
void tieSoftmax(NodeTies& ties) {
  const ValueId x = ties.input(0), y = ties.output();
  const size_t along = normalizedAxis(ties.node().attributes.integer("axis", -1), ties.rank(x));
  for (size_t axis = 0; axis < ties.rank(x); ++axis)
    if (axis != along) ties.tieAxes({{x, axis}, {y, axis}});
}

/// Neighbouring channels are normalised together.
void tieLrn(NodeTies& ties) {
  ties.tieAxes({{ties.input(0), 0}, {ties.output(), 0}});
}

}  // namespace

std::vector<PruneRule> normalizationPruneRules() {
  return {{"BatchNormalization", "", tiePerChannel, nullptr, Zeros::ofNorm},
          {"InstanceNormalization", "", tiePerChannel, nullptr, Zeros::ofNorm},
          {"LayerNormalization", "", tieLayerNorm, nullptr, Zeros::ofNorm},
          {"RMSNormalization", "", tieLayerNorm, nullptr, Zeros::ofNorm},
          {"GroupNormalization", "", tieGroupNorm, patchGroupNorm, Zeros::ofNorm},
          {"Softmax", "", tieSoftmax},
          {"LogSoftmax", "", tieSoftmax},
          {"Hardmax", "", tieSoftmax},
          {"LRN", "", tieLrn}};
}

}  // namespace compress
