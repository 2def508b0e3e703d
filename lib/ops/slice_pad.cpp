// Slice, Pad and CenterCropPad: cutting a box out of a tensor, and putting a tensor into a larger box.
#include <algorithm>
#include <limits>

#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/rules.h"
#include "lib/ops/upgrade_tools.h"

namespace compress {
namespace {

// Slice ---------------------------------------------------------------------------------------------------------------

/// One axis of a slice: `count` elements from `start` on, `step` apart.
struct Cut {
  int64_t start = 0, count = 0, step = 1;
};

/// numpy's rules: negative bounds count from the end, bounds beyond the ends are cut off.
Cut cutOf(int64_t start, int64_t end, int64_t step, int64_t size) {
  if (step == 0) reject("a step of 0");
  if (start < 0) start += size;
  if (end < 0) end = end < -size ? -1 : end + size;
  if (step > 0) {
    start = std::clamp<int64_t>(start, 0, size);
    end = std::clamp<int64_t>(end, 0, size);
    return {start, end > start ? (end - start - 1) / step + 1 : 0, step};
  }
  start = std::clamp<int64_t>(start, -1, size - 1);
  end = std::clamp<int64_t>(end, -1, size - 1);
  const uint64_t stride = uint64_t{0} - static_cast<uint64_t>(step);
  return {start, start > end ? static_cast<int64_t>(static_cast<uint64_t>(start - end - 1) / stride) + 1 : 0, step};
}

std::vector<size_t> sliceAxes(const std::optional<std::vector<int64_t>>& axes, size_t count, size_t rank) {
  if (axes && axes->size() != count) reject("axes has ", axes->size(), " elements, starts ", count);
  if (axes) return normalizedAxes(*axes, rank);
  if (count > rank) reject(count, " starts for a tensor of rank ", rank);
  std::vector<size_t> all(count);
  for (size_t i = 0; i < count; ++i) all[i] = i;
  return all;
}

void requireBounds(size_t starts, size_t ends, size_t steps) {
  if (starts != ends || starts != steps)
    reject("starts, ends and steps have ", starts, ", ", ends, " and ", steps, " elements, expected as many");
}

/// A dimension of unknown size: whole when the slice spans it, cut from the front or the back by known counts otherwise
/// unknown.
Dim cutUnknown(const Dim& dim, int64_t start, int64_t end, int64_t step) {
  constexpr int64_t kBeyond = std::numeric_limits<int32_t>::max();
  const bool isWhole = (step == 1 && start == 0 && end >= kBeyond) || (step == -1 && start == -1 && end <= -kBeyond);
  return isWhole ? dim : Dim{};
}

void inferSlice(InferContext& context) {
  requireInputs(context, 3);
  if (!sameRankAsFirst(context)) return;
  const Type& x = context.input(0);
  Type& y = context.outputs[0];
  const auto axes = knownInts(context, 3);
  const auto starts = knownInts(context, 1), ends = knownInts(context, 2);
  const auto startsShape = context.input(1).shape();
  if ((context.has(3) && !axes) || (!starts && !startsShape)) return;
  const auto count = starts ? starts->size() : static_cast<size_t>(startsShape->elementCount());
  const auto cut = sliceAxes(axes, count, x.rank());
  y.dims = x.dims;
  auto steps = context.has(4) ? knownInts(context, 4) : std::vector<int64_t>(count, 1);
  if (starts && ends && steps) requireBounds(starts->size(), ends->size(), steps->size());
  for (size_t i = 0; i < count; ++i) {
    Dim& dim = (*y.dims)[cut[i]];
    if (!starts || !ends || !steps)
      dim = {};
    else if (!dim.isKnown())
      dim = cutUnknown(dim, (*starts)[i], (*ends)[i], (*steps)[i]);
    else
      dim = Dim::of(cutOf((*starts)[i], (*ends)[i], (*steps)[i], dim.value).count);
  }
  if (x.rank() != 1 || !starts || !ends || !steps || count != 1) return;
  const auto elements = partialInts(context, 0);
  if (!elements) return;
  const Cut range = cutOf((*starts)[0], (*ends)[0], (*steps)[0], static_cast<int64_t>(elements->size()));
  context.outputPartials.at(0).emplace();
  for (int64_t i = 0; i < range.count; ++i)
    context.outputPartials[0]->push_back((*elements)[static_cast<size_t>(range.start + i * range.step)]);
}

void slice(ReferenceContext& context) {
  const Shape& x = context.inputs[0].shape();
  const auto starts = toInts(context.inputs[1]), ends = toInts(context.inputs[2]);
  const auto axes = context.has(3) ? std::optional(toInts(context.inputs[3])) : std::nullopt;
  const auto steps = context.has(4) ? toInts(context.inputs[4]) : std::vector<int64_t>(starts.size(), 1);
  requireBounds(starts.size(), ends.size(), steps.size());
  const auto cut = sliceAxes(axes, starts.size(), x.rank());
  auto strides = stridesOf(x);
  int64_t offset = 0;
  for (size_t i = 0; i < cut.size(); ++i) {
    const Cut range = cutOf(starts[i], ends[i], steps[i], x[cut[i]]);
    offset += range.start * strides[cut[i]];
    if (range.count > 1) strides[cut[i]] *= range.step;
  }
  copyStrided(context.inputs[0], offset, strides, context.outputs[0]);
}

/// Opset 10: starts, ends and axes became inputs.
void boundsToInputs(Graph& graph, NodeId id) {
  integersToInput(graph, id, "starts", 1);
  integersToInput(graph, id, "ends", 2);
  integersToInput(graph, id, "axes", 3);
}

// Pad -----------------------------------------------------------------------------------------------------------------

/// Elements added before and after each axis; negative ones are cut off.
struct Margins {
  std::vector<int64_t> before, after;
};

Margins marginsOf(const std::vector<int64_t>& pads, const std::optional<std::vector<int64_t>>& axes, size_t rank) {
  Margins margins{std::vector<int64_t>(rank, 0), std::vector<int64_t>(rank, 0)};
  std::vector<size_t> padded;
  if (axes)
    padded = normalizedAxes(*axes, rank);
  else
    for (size_t i = 0; i < rank; ++i) padded.push_back(i);
  for (const int64_t count : pads)
    if (count > int64_t{1} << 48 || count < -(int64_t{1} << 48)) reject("a margin of ", count, " elements");
  if (pads.size() != 2 * padded.size()) reject("pads has ", pads.size(), " elements, expected ", 2 * padded.size());
  for (size_t i = 0; i < padded.size(); ++i) {
    margins.before[padded[i]] = pads[i];
    margins.after[padded[i]] = pads[padded.size() + i];
  }
  return margins;
}

void inferPad(InferContext& context) {
  requireInputs(context, 2);
  if (!sameRankAsFirst(context)) return;
  const Type& x = context.input(0);
  Type& y = context.outputs[0];
  const auto pads = knownInts(context, 1);
  const auto axes = context.has(3) ? knownInts(context, 3) : std::nullopt;
  if (!pads || (context.has(3) && !axes)) return;
  const Margins margins = marginsOf(*pads, axes, x.rank());
  for (size_t i = 0; i < x.rank(); ++i) {
    const Dim& dim = (*x.dims)[i];
    const int64_t added = margins.before[i] + margins.after[i];
    if (dim.isKnown() && dim.value + added < 0)
      reject("pads take ", -added, " elements from axis ", i, " of ", dim.value);
    (*y.dims)[i] = added == 0 ? dim : (dim.isKnown() ? Dim::of(dim.value + added) : Dim{});
  }
}

/// Index into an axis of `size` elements that a position outside stands for; -1: the constant.
int64_t sourceIndex(int64_t i, int64_t size, std::string_view mode) {
  if (i >= 0 && i < size) return i;
  if (mode == "constant" || size == 0) return -1;
  if (mode == "edge") return std::clamp<int64_t>(i, 0, size - 1);
  if (mode == "wrap") return (i % size + size) % size;
  if (size == 1) return 0;
  const int64_t period = 2 * (size - 1);  // reflect
  const int64_t within = (i % period + period) % period;
  return within < size ? within : period - within;
}

void pad(ReferenceContext& context) {
  const Shape &x = context.inputs[0].shape(), &y = context.outputs[0].shape();
  const std::string mode = context.node.attributes.string("mode", "constant");
  if (mode != "constant" && mode != "reflect" && mode != "edge" && mode != "wrap")
    reject("mode is '", displayName(mode), "', expected constant, reflect, edge or wrap");
  const Margins margins = marginsOf(toInts(context.inputs[1]),
                                    context.has(3) ? std::optional(toInts(context.inputs[3])) : std::nullopt, x.rank());
  std::vector<std::vector<int64_t>> offsets(
      x.rank());  // of the element that each index along an axis reads; -1: the constant
  const auto strides = stridesOf(x);
  for (size_t axis = 0; axis < x.rank(); ++axis)
    for (int64_t i = 0; i < y[axis]; ++i) {
      const int64_t from = sourceIndex(i - margins.before[axis], x[axis], mode);
      offsets[axis].push_back(from < 0 ? -1 : from * strides[axis]);
    }
  const Mover mover(context.inputs[0], context.outputs[0]);
  const auto filler =
      context.has(2) ? std::optional<Mover>(std::in_place, context.inputs[2], context.outputs[0]) : std::nullopt;
  const auto own = stridesOf(y);
  for (int64_t target = 0, count = y.elementCount(); target < count; ++target) {
    int64_t source = 0;
    for (size_t axis = 0; axis < x.rank() && source >= 0; ++axis) {
      const int64_t offset = offsets[axis][static_cast<size_t>(target / own[axis] % y[axis])];
      source = offset < 0 ? -1 : source + offset;
    }
    if (source >= 0)
      mover.copy(source, target);
    else if (filler)
      filler->copy(0, target);
  }
}

// CenterCropPad -------------------------------------------------------------------------------------------------------

std::vector<size_t> croppedAxes(const Node& node, size_t count, size_t rank) {
  const auto listed = node.attributes.integers("axes");
  return sliceAxes(node.attributes.has("axes") ? std::optional(listed) : std::nullopt, count, rank);
}

void inferCenterCropPad(InferContext& context) {
  requireInputs(context, 2);
  if (!sameRankAsFirst(context)) return;
  const auto target = partialInts(context, 1);
  if (!target) return;
  auto& dims = *context.outputs[0].dims;
  dims = *context.input(0).dims;
  const auto axes = croppedAxes(context.node, target->size(), dims.size());
  for (size_t i = 0; i < axes.size(); ++i) dims[axes[i]] = dimOf((*target)[i]);
}

/// The middle of each axis that is too long; zeros around one that is too short, one more behind it where their number
/// is odd.
void centerCropPad(ReferenceContext& context) {
  const Tensor& x = context.inputs[0];
  Buffer& y = context.outputs[0];
  const auto from = stridesOf(x.shape()), to = stridesOf(y.shape());
  const Mover mover(x, y);
  for (int64_t target = 0; target < y.elementCount(); ++target) {
    int64_t source = 0;
    for (size_t axis = 0; axis < from.size() && source >= 0; ++axis) {
      const int64_t extra = x.shape()[axis] - y.shape()[axis];
      const int64_t i = target / to[axis] % y.shape()[axis] + (extra > 0 ? extra / 2 : -(-extra / 2));
      source = i < 0 || i >= x.shape()[axis] ? -1 : source + i * from[axis];
    }
    if (source >= 0) mover.copy(source, target);
  }
}

/// Pad at opset 2: `paddings` became `pads`.
void renamePads(Graph& graph, NodeId id) {
  if (!graph.node(id).attributes.has("paddings")) return;
  graph.setAttribute(id, "pads", graph.node(id).attributes.integers("paddings"));
  graph.eraseAttribute(id, "paddings");
}

/// Opset 11: pads and value became inputs.
void padsToInputs(Graph& graph, NodeId id) {
  integersToInput(graph, id, "pads", 1);
  const float value = graph.node(id).attributes.real("value", 0);
  graph.eraseAttribute(id, "value");
  if (value == 0) return;
  Buffer buffer(elementType(graph, graph.node(id).input(0)), Shape{});
  const double number = static_cast<double>(value);
  store(std::span<const double>(&number, 1), buffer);
  placeInput(graph, id, 2, addConstantFor(graph, id, "value", std::move(buffer).freeze()));
}

}  // namespace

std::vector<OpSpec> slicePadOps() {
  return {
      {"Slice", "", inferSlice, slice, {{10, boundsToInputs}}, "a box out of x, with steps"},
      {"CenterCropPad", "", inferCenterCropPad, centerCropPad, {}, "the middle of x, or x amid zeros"},
      {"Pad",
       "",
       inferPad,
       pad,
       {{2, renamePads}, {11, padsToInputs}},
       "x with margins: constant, reflected, of the edge, or wrapped"},
  };
}

}  // namespace compress
