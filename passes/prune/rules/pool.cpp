// Pooling and resizing: samples and channels pass through; windows need whole images.
#include <algorithm>

#include "passes/prune/rules.h"

namespace compress {
namespace {

void tiePool(NodeTies& ties) {
  for (const ValueId result : ties.node().outputs)
    for (size_t axis = 0; result && axis < 2; ++axis) ties.tieAxes({{ties.input(0), axis}, {result, axis}});
}

/// Axes that keep their extent pass through, unless a region of interest or another rule moves samples along them.
void tieResize(NodeTies& ties) {
  const ValueId x = ties.input(0), y = ties.output();
  if (ties.node().attributes.string("coordinate_transformation_mode", "") == "tf_crop_and_resize")
    return ties.blockAll("it resizes a crop");
  for (size_t axis = 0; axis < ties.rank(x); ++axis)
    if (ties.size(x, axis) == ties.size(y, axis)) ties.tieAxes({{x, axis}, {y, axis}});
}

/// `sizes`, where they are given, name the channels too.
void patchResize(NodePatch& patch) {
  const ValueId y = patch.node().outputs[0], sizes = patch.node().input(3);
  if (!sizes) return;
  const auto axes = patch.node().attributes.integers("axes");
  for (size_t axis = 0; axis < patch.shape(y).rank(); ++axis) {
    if (!patch.changes(y, axis)) continue;
    const auto at = std::ranges::find(axes, static_cast<int64_t>(axis));
    if (axes.empty()) patch.setSizeElement(3, axis, patch.kept(y, axis));
    if (at != axes.end()) patch.setSizeElement(3, static_cast<size_t>(at - axes.begin()), patch.kept(y, axis));
  }
}

/// Inputs X (and, of RoiAlign and GridSample, where to look): channels pass through.
void tieSampling(NodeTies& ties) {
  ties.tieAxes({{ties.input(0), 1}, {ties.output(), 1}});
}

}  // namespace

std::vector<PruneRule> poolPruneRules() {
  std::vector<PruneRule> rules;
  for (const std::string_view op :
       {"MaxPool", "AveragePool", "LpPool", "GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"})
    rules.push_back({op, "", tiePool, nullptr, Zeros::passed});
  for (const std::string_view op : {"Resize", "Upsample"})
    rules.push_back({op, "", tieResize, patchResize, Zeros::passed});
  for (const std::string_view op : {"RoiAlign", "MaxRoiPool", "GridSample"})
    rules.push_back({op, "", tieSampling, nullptr, Zeros::passed});
  return rules;
}

}  // namespace compress
