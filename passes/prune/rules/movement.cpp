// Operators that move slices: Transpose, Concat, Split, Pad, Expand, Tile, and what reads shapes alone.
#include <algorithm>
#include <numeric>

#include "passes/prune/rules.h"

namespace compress {
namespace {

void tieTranspose(NodeTies& ties) {
  const ValueId x = ties.input(0), y = ties.output();
  std::vector<int64_t> order = ties.node().attributes.integers("perm");
  if (order.empty()) {
    order.resize(ties.rank(x));
    std::iota(order.rbegin(), order.rend(), 0);
  }
  for (size_t axis = 0; axis < order.size(); ++axis) ties.tieAxes({{x, static_cast<size_t>(order[axis])}, {y, axis}});
}

/// `parts` lie one after another along `along` of `whole`.
void tieParts(NodeTies& ties, ValueId whole, const std::vector<ValueId>& parts, size_t along) {
  int64_t first = 0;
  for (const ValueId part : parts) {
    if (!part) continue;
    ties.tie({{{{part, along}}, {{whole, along}, Labels::window(first, ties.size(part, along))}}});
    first += ties.size(part, along);
  }
  for (size_t axis = 0; axis < ties.rank(whole); ++axis) {
    if (axis == along) continue;
    std::vector<Axis> together = {{whole, axis}};
    for (const ValueId part : parts)
      if (part) together.push_back({part, axis});
    ties.tieAxes(together);
  }
}

void tieConcat(NodeTies& ties) {
  const ValueId y = ties.output();
  tieParts(ties, y, ties.node().inputs, normalizedAxis(ties.node().attributes.integer("axis", 0), ties.rank(y)));
}

void tieSplit(NodeTies& ties) {
  const ValueId x = ties.input(0);
  tieParts(ties, x, ties.node().outputs, normalizedAxis(ties.node().attributes.integer("axis", 0), ties.rank(x)));
}

/// Sizes are written out, since parts may lose different numbers of slices.
void patchSplit(NodePatch& patch) {
  const ValueId x = patch.node().inputs[0];
  const size_t along = normalizedAxis(patch.node().attributes.integer("axis", 0), patch.shape(x).rank());
  if (!patch.changes(x, along)) return;
  std::vector<int64_t> sizes;
  for (const ValueId part : patch.node().outputs) sizes.push_back(patch.kept(part, along));
  patch.graph().eraseAttribute(patch.id(), "num_outputs");
  patch.setIntegers("split", 1, sizes);
}

/// What Pad puts before each axis of its operand, and after; negative where it cuts. Nothing where that is computed.
std::optional<std::vector<std::pair<int64_t, int64_t>>> padsOf(const NodeTies& ties) {
  const size_t rank = ties.rank(ties.input(0));
  const auto pads = ties.integers("pads", 1), axes = ties.integers("axes", 3);
  if (!pads || (ties.has(ties.input(3)) && !axes)) return std::nullopt;
  std::vector<std::pair<int64_t, int64_t>> around(rank, {0, 0});
  const size_t count = pads->size() / 2;
  for (size_t i = 0; i < count; ++i)
    around[axes ? normalizedAxis((*axes)[i], rank) : i] = {(*pads)[i], (*pads)[i + count]};
  return around;
}

/// The operand's slices lie within the result's, which are free to go around them; where Pad repeats slices, all stay.
void tiePad(NodeTies& ties) {
  const ValueId x = ties.input(0), y = ties.output();
  const auto around = padsOf(ties);
  if (!around) return ties.blockAll("its padding is computed");
  const bool isConstant = ties.node().attributes.string("mode", "constant") == "constant";
  for (size_t axis = 0; axis < ties.rank(x); ++axis) {
    const auto [before, after] = (*around)[axis];
    if (before == 0 && after == 0) {
      ties.tieAxes({{x, axis}, {y, axis}});
    } else if (isConstant && before >= 0 && after >= 0) {
      ties.tie({{{{x, axis}}, {{y, axis}, Labels::window(before, ties.size(x, axis))}}});
    }
  }
}

/// Slices that go from the padding itself make it smaller.
void patchPad(NodePatch& patch) {
  const ValueId x = patch.node().inputs[0], y = patch.node().outputs[0];
  const size_t rank = patch.shape(x).rank();
  const auto pads = patch.integers("pads", 1), axes = patch.integers("axes", 3);
  std::vector<int64_t> left = *pads;
  const size_t count = left.size() / 2;
  for (size_t i = 0; i < count; ++i) {
    const size_t axis = axes ? normalizedAxis((*axes)[i], rank) : i;
    if (!patch.changes(y, axis) || (left[i] == 0 && left[i + count] == 0)) continue;
    const int64_t first = left[i], end = first + patch.shape(x)[axis];
    left[i] = left[i + count] = 0;
    for (const int64_t slice : patch.keptSlices(y, axis)) {
      if (slice < first) ++left[i];
      if (slice >= end) ++left[i + count];
    }
  }
  if (left != *pads) patch.setIntegers("pads", 1, left);
}

/// Axes that grow from 1 have no slices of the operand's; they follow the shape.
void tieExpand(NodeTies& ties) {
  const ValueId x = ties.input(0), y = ties.output();
  const size_t missing = ties.rank(y) - ties.rank(x);
  for (size_t axis = 0; axis < ties.rank(y); ++axis) {
    std::vector<Axis> together = {{y, axis}};
    if (axis >= missing && ties.size(x, axis - missing) > 1) together.push_back({x, axis - missing});
    ties.tieAxes(together);
  }
  ties.release(ties.input(1), 0);
}

/// The shape may have fewer axes than the result.
void patchExpand(NodePatch& patch) {
  const ValueId y = patch.node().outputs[0];
  const size_t rank = patch.shape(y).rank(),
               missing = rank - static_cast<size_t>(patch.shape(patch.node().inputs[1])[0]);
  for (size_t axis = missing; axis < rank; ++axis)
    if (patch.changes(y, axis)) patch.setSizeElement(1, axis - missing, patch.kept(y, axis));
}

void tieTile(NodeTies& ties) {
  const ValueId x = ties.input(0), y = ties.output();
  for (size_t axis = 0; axis < ties.rank(x); ++axis)
    ties.tie({{{{x, axis}}, {{y, axis}, Labels::digit(1, ties.size(x, axis))}}});
  ties.release(ties.input(1), 0);
}

/// What is read is how large the operand is, and that follows by itself.
void tieShape(NodeTies& ties) {
  for (size_t axis = 0; axis < ties.rank(ties.input(0)); ++axis) ties.release(ties.input(0), axis);
}

void tieConstantOfShape(NodeTies& ties) {
  for (size_t axis = 0; axis < ties.rank(ties.output()); ++axis) ties.release(ties.output(), axis);
}

void patchConstantOfShape(NodePatch& patch) {
  const ValueId y = patch.node().outputs[0];
  for (size_t axis = 0; axis < patch.shape(y).rank(); ++axis)
    if (patch.changes(y, axis)) patch.setSizeElement(0, axis, patch.kept(y, axis));
}

}  // namespace

std::vector<PruneRule> movementPruneRules() {
  return {{"Transpose", "", tieTranspose, nullptr, Zeros::passed},
          {"Concat", "", tieConcat, nullptr, Zeros::passed},
          {"Split", "", tieSplit, patchSplit, Zeros::passed},
          {"Pad", "", tiePad, patchPad},
          {"Expand", "", tieExpand, patchExpand, Zeros::passed},
          {"Tile", "", tieTile, nullptr, Zeros::passed},
          {"Shape", "", tieShape},
          {"ConstantOfShape", "", tieConstantOfShape, patchConstantOfShape}};
}

}  // namespace compress
