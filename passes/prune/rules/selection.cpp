// Slice and Gather: slices are picked by constant indices, which are renumbered when some of them go.
#include <algorithm>

#include "passes/prune/rules.h"

namespace compress {
namespace {

/// One axis of a Slice.
struct Cut {
  size_t axis;
  int64_t start, step, count;
};

/// A bound of a Slice as an index in [low, high].
int64_t clamped(int64_t bound, int64_t size, int64_t low, int64_t high) {
  if (bound < 0) bound += size;
  return std::clamp(bound, low, high);
}

/// By the ONNX rules for starts, ends and steps beyond the ends.
Cut cutOf(size_t axis, int64_t size, int64_t start, int64_t end, int64_t step) {
  const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  const int64_t first = clamped(start, size, std::max<int64_t>(low, 0), high);
  const int64_t last = end < -size ? low : clamped(end, size, low, high);
  const int64_t span = step > 0 ? last - first : first - last;
  const int64_t stride = step > 0 ? step : -step;
  return {axis, first, step, std::max<int64_t>(0, (span + stride - 1) / stride)};
}

/// Nothing where a bound is computed. `Reader` is NodeTies or NodePatch.
template <typename Reader>
std::optional<std::vector<Cut>> cutsOf(const Reader& reader, const Shape& shape) {
  const auto starts = reader.integers("starts", 1), ends = reader.integers("ends", 2);
  const bool hasAxes = reader.node().attributes.has("axes") || reader.node().input(3);
  const bool hasSteps = static_cast<bool>(reader.node().input(4));
  const auto axes = reader.integers("axes", 3), steps = reader.integers("steps", 4);
  if (!starts || !ends || (hasAxes && !axes) || (hasSteps && !steps)) return std::nullopt;
  std::vector<Cut> cuts;
  for (size_t i = 0; i < starts->size(); ++i) {
    const size_t axis = axes ? normalizedAxis((*axes)[i], shape.rank()) : i;
    cuts.push_back(cutOf(axis, shape[axis], (*starts)[i], (*ends)[i], steps ? (*steps)[i] : 1));
  }
  return cuts;
}

void tieSlice(NodeTies& ties) {
  const ValueId x = ties.input(0), y = ties.output();
  const auto cuts = cutsOf(ties, ties.shape(x));
  if (!cuts) return ties.blockAll("its bounds are computed");
  std::vector<Labels> labels(ties.rank(x));
  for (const Cut& cut : *cuts) {
    std::vector<int64_t> sources;
    for (int64_t j = 0; j < cut.count; ++j) sources.push_back(cut.start + j * cut.step);
    labels[cut.axis] = Labels::each(std::move(sources));
  }
  for (size_t axis = 0; axis < ties.rank(x); ++axis) ties.tie({{{{x, axis}}, {{y, axis}, labels[axis]}}});
}

/// Positions that the kept sources of a cut have among the kept slices of the axis.
std::vector<int64_t> renumbered(const std::vector<int64_t>& kept, const std::vector<int64_t>& sources) {
  std::vector<int64_t> positions;
  for (const int64_t source : sources) {
    const auto at = std::ranges::lower_bound(kept, source);
    if (at != kept.end() && *at == source) positions.push_back(at - kept.begin());
  }
  return positions;
}

bool isEven(const std::vector<int64_t>& positions, int64_t step) {
  return std::ranges::adjacent_find(positions, [&](int64_t a, int64_t b) { return b - a != step; }) == positions.end();
}

/// Where what stays of a cut lies unevenly, a Gather picks it instead.
void patchSlice(NodePatch& patch) {
  const ValueId x = patch.node().inputs[0];
  const auto cuts = cutsOf(patch, patch.shape(x));
  std::vector<int64_t> starts = *patch.integers("starts", 1), ends = *patch.integers("ends", 2);
  auto steps = patch.integers("steps", 4);
  std::vector<std::pair<size_t, std::vector<int64_t>>> picked;
  for (size_t i = 0; i < cuts->size(); ++i) {
    const Cut& cut = (*cuts)[i];
    if (!patch.changes(x, cut.axis)) continue;
    std::vector<int64_t> sources;
    for (int64_t j = 0; j < cut.count; ++j) sources.push_back(cut.start + j * cut.step);
    const auto positions = renumbered(patch.keptSlices(x, cut.axis), sources);
    if (isEven(positions, cut.step)) {
      starts[i] = positions.front();
      ends[i] = positions.back() + (cut.step > 0 ? 1 : -1);
      if (ends[i] < 0) ends[i] = std::numeric_limits<int32_t>::min();
    } else {
      starts[i] = 0;
      ends[i] = patch.kept(x, cut.axis);
      if (steps) (*steps)[i] = 1;
      picked.emplace_back(cut.axis, positions);
    }
  }
  patch.setIntegers("starts", 1, starts);
  patch.setIntegers("ends", 2, ends);
  if (!picked.empty() && steps) patch.setIntegers("steps", 4, *steps);
  for (const auto& [axis, positions] : picked) {
    Attributes along;
    along.set("axis", static_cast<int64_t>(axis));
    patch.passThrough("Gather", {patch.graph().addConstant("picked", Tensor::ofInts(positions))}, along);
  }
}

size_t gatherAxis(const Node& node, size_t rank) {
  return normalizedAxis(node.attributes.integer("axis", 0), rank);
}

std::vector<int64_t> normalizedIndices(std::vector<int64_t> indices, int64_t size) {
  for (int64_t& index : indices)
    if (index < 0) index += size;
  return indices;
}

/// Result axes: those of the data before `axis`, those of the indices, those of the data behind. Known indices along
/// one axis pick slices; others need all of them.
void tieGather(NodeTies& ties) {
  const ValueId x = ties.input(0), indices = ties.input(1), y = ties.output();
  const size_t along = gatherAxis(ties.node(), ties.rank(x)), count = ties.rank(indices);
  for (size_t axis = 0; axis < ties.rank(x); ++axis)
    if (axis != along) ties.tieAxes({{x, axis}, {y, axis < along ? axis : axis + count - 1}});
  const Tensor* known = ties.known(indices);
  if (known != nullptr && count == 1) {
    ties.tie({{{{x, along}}, {{y, along}, Labels::each(normalizedIndices(toInts(*known), ties.size(x, along)))}}});
    ties.release(indices, 0);
  } else {
    for (size_t axis = 0; axis < count; ++axis) ties.tieAxes({{indices, axis}, {y, along + axis}});
    ties.block(x, along, "Gather picks from all of it");
  }
}

void patchGather(NodePatch& patch) {
  const ValueId x = patch.node().inputs[0];
  const size_t along = gatherAxis(patch.node(), patch.shape(x).rank());
  if (!patch.changes(x, along)) return;
  const auto sources = normalizedIndices(*patch.integers("", 1), patch.shape(x)[along]);
  patch.setIntegers("", 1, renumbered(patch.keptSlices(x, along), sources));
}

}  // namespace

std::vector<PruneRule> selectionPruneRules() {
  return {{"Slice", "", tieSlice, patchSlice, Zeros::passed}, {"Gather", "", tieGather, patchGather, Zeros::passed}};
}

}  // namespace compress
