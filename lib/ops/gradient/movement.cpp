// Gradients of ops that move elements: the inverse movement; what was copied several times is summed, what was cut away
// gets zeros.
#include <algorithm>
#include <numeric>

#include "lib/ops/access.h"
#include "lib/ops/gradient/rules.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

void reshape(Backward& b) {
  b.give(0, b.reshape(b.gradient(), b.shape(0)));
}

void transpose(Backward& b) {
  const size_t rank = b.shape(0).rank();
  std::vector<int64_t> order = b.attributes().integers("perm");
  if (order.empty())
    for (size_t i = rank; i-- > 0;) order.push_back(static_cast<int64_t>(i));
  std::vector<int64_t> inverse(rank);
  for (size_t i = 0; i < rank; ++i) inverse.at(static_cast<size_t>(order[i])) = static_cast<int64_t>(i);
  b.give(0, b.transpose(b.gradient(), std::move(inverse)));
}

ValueId slice(Backward& b, ValueId value, std::vector<int64_t> starts, std::vector<int64_t> ends,
              std::vector<int64_t> axes) {
  return b.emit("Slice", {value, b.constant(starts), b.constant(ends), b.constant(axes)});
}

void concat(Backward& b) {
  const auto axis = static_cast<int64_t>(normalizedAxis(b.attributes().integer("axis", 0), b.outputShape().rank()));
  int64_t start = 0;
  for (size_t i = 0; i < b.node().inputs.size(); ++i) {
    const int64_t size = b.shape(i)[static_cast<size_t>(axis)];
    if (b.wants(i)) b.give(i, slice(b, b.gradient(), {start}, {start + size}, {axis}));
    start += size;
  }
}

ValueId zeros(Backward& b, const Shape& shape) {
  return b.emit("Expand", {b.scalar(0), b.constant(shape.dims())});
}

void split(Backward& b) {
  std::vector<ValueId> parts;
  for (size_t i = 0; i < b.node().outputs.size(); ++i)
    if (b.output(i)) parts.push_back(b.gradient(i) ? b.gradient(i) : zeros(b, b.outputShape(i)));
  b.give(0, b.emit("Concat", std::move(parts), attributesOf({{"axis", b.attributes().integer("axis", 0)}})));
}

/// The box that a Slice cuts: first index and step of each axis.
struct Box {
  std::vector<int64_t> starts, steps;
};

Box boxOf(const Backward& b) {
  const Shape x = b.shape(0);
  Box box{std::vector<int64_t>(x.rank(), 0), std::vector<int64_t>(x.rank(), 1)};
  const std::vector<int64_t> starts = b.integers(1);
  std::vector<int64_t> axes(starts.size());
  std::iota(axes.begin(), axes.end(), 0);
  if (b.has(3)) axes = b.integers(3);
  const std::vector<int64_t> steps = b.has(4) ? b.integers(4) : std::vector<int64_t>(starts.size(), 1);
  for (size_t i = 0; i < starts.size(); ++i) {
    const size_t axis = normalizedAxis(axes.at(i), x.rank());
    const int64_t size = x[axis], start = starts[i] < 0 ? starts[i] + size : starts[i];
    box.steps[axis] = steps.at(i);
    box.starts[axis] = std::clamp<int64_t>(start, 0, steps[i] > 0 ? size : size - 1);
  }
  return box;
}

void sliceGradient(Backward& b) {
  const Shape x = b.shape(0), y = b.outputShape();
  const Box box = boxOf(b);
  if (std::ranges::all_of(box.steps, [](int64_t step) { return step == 1; })) {
    std::vector<int64_t> pads = box.starts;
    for (size_t axis = 0; axis < x.rank(); ++axis) pads.push_back(x[axis] - y[axis] - box.starts[axis]);
    return b.give(0, b.emit("Pad", {b.gradient(), b.constant(pads)}));
  }
  b.give(0, b.emitPrivate("SliceGrad", {b.gradient()},
                          attributesOf({{"shape", x.dims()}, {"starts", box.starts}, {"steps", box.steps}})));
}

/// x is zero but for the box that g fills.
void sliceGrad(ReferenceContext& context) {
  const Tensor& g = context.inputs[0];
  Buffer& x = context.outputs[0];
  const auto starts = context.node.attributes.integers("starts"), steps = context.node.attributes.integers("steps");
  const auto from = stridesOf(g.shape()), to = stridesOf(x.shape());
  const auto values = load<double>(g);
  std::vector<double> out(static_cast<size_t>(x.elementCount()), 0.0);
  for (int64_t i = 0; i < g.elementCount(); ++i) {
    int64_t target = 0;
    for (size_t axis = 0; axis < from.size(); ++axis)
      target += (starts.at(axis) + i / from[axis] % g.shape()[axis] * steps.at(axis)) * to[axis];
    out.at(static_cast<size_t>(target)) = values[static_cast<size_t>(i)];
  }
  store(std::span<const double>(out), x);
}

/// Margins of a Pad by axis.
struct Margins {
  std::vector<int64_t> before, after;
};

Margins marginsOf(const Backward& b) {
  const size_t rank = b.shape(0).rank();
  Margins margins{std::vector<int64_t>(rank, 0), std::vector<int64_t>(rank, 0)};
  std::vector<int64_t> axes(rank);
  std::iota(axes.begin(), axes.end(), 0);
  if (b.has(3)) axes = b.integers(3);
  const std::vector<int64_t> pads = b.integers(1);
  for (size_t i = 0; i < axes.size(); ++i) {
    const size_t axis = normalizedAxis(axes[i], rank);
    margins.before[axis] = pads.at(i);
    margins.after[axis] = pads.at(axes.size() + i);
  }
  return margins;
}

/// The margins go, and what a negative margin cut away comes back as zeros: a Pad by the negated margins.
void pad(Backward& b) {
  if (b.attributes().string("mode", "constant") != "constant")
    throw Error(ErrorKind::unsupported, "Pad has a gradient in mode constant only", "freeze what lies before the node");
  const Margins margins = marginsOf(b);
  std::vector<int64_t> pads;
  for (const int64_t count : margins.before) pads.push_back(-count);
  for (const int64_t count : margins.after) pads.push_back(-count);
  b.give(0, b.emit("Pad", {b.gradient(), b.constant(pads)}));
}

void expand(Backward& b) {
  b.giveBroadcast(0, b.gradient());
}

/// [r0 d0, r1 d1, ...] seen as [r0, d0, r1, d1, ...] and summed over the repeats.
void tile(Backward& b) {
  const Shape x = b.shape(0);
  const std::vector<int64_t> repeats = b.integers(1);
  std::vector<int64_t> dims, axes;
  for (size_t i = 0; i < x.rank(); ++i) {
    axes.push_back(static_cast<int64_t>(dims.size()));
    dims.insert(dims.end(), {repeats.at(i), x[i]});
  }
  b.give(0, b.reshape(b.sumOver(b.reshape(b.gradient(), Shape(dims)), axes), x));
}

/// The inverse of DepthToSpace, in its mode.
void depthToSpace(Backward& b) {
  const int64_t block = b.attributes().integer("blocksize", 1);
  if (b.attributes().string("mode", "DCR") == "DCR")
    return b.give(0, b.emit("SpaceToDepth", {b.gradient()}, attributesOf({{"blocksize", block}})));
  const Shape x = b.shape(0);
  const ValueId split = b.reshape(b.gradient(), {x[0], x[1] / (block * block), x[2], block, x[3], block});
  b.give(0, b.reshape(b.transpose(split, {0, 1, 3, 5, 2, 4}), x));
}

void spaceToDepth(Backward& b) {
  b.give(0, b.emit("DepthToSpace", {b.gradient()},
                   attributesOf({{"blocksize", b.attributes().integer("blocksize", 1)}, {"mode", "DCR"}})));
}

void trilu(Backward& b) {
  std::vector<ValueId> inputs = b.node().inputs;
  inputs[0] = b.gradient();
  b.give(0, b.emit("Trilu", std::move(inputs), b.attributes()));
}

/// Sums run the other way.
void cumSum(Backward& b) {
  Attributes attributes = b.attributes();
  attributes.set("reverse", int64_t{attributes.integer("reverse", 0) == 0 ? 1 : 0});
  b.give(0, b.emit("CumSum", {b.gradient(), b.input(1)}, std::move(attributes)));
}

}  // namespace

std::vector<GradientRule> movementGradients() {
  return {{"Reshape", reshape},
          {"Flatten", reshape},
          {"Squeeze", reshape},
          {"Unsqueeze", reshape},
          {"Transpose", transpose},
          {"Concat", concat},
          {"Split", split},
          {"Slice", sliceGradient},
          {"Pad", pad},
          {"Expand", expand},
          {"Tile", tile},
          {"DepthToSpace", depthToSpace},
          {"SpaceToDepth", spaceToDepth},
          {"Trilu", trilu},
          {"CumSum", cumSum}};
}

std::vector<OpSpec> movementGradientOps() {
  return {{"SliceGrad", kTrainDomain, inferStatedShape, sliceGrad, {}, "g in a box of `shape` that is zero elsewhere"}};
}

}  // namespace compress
