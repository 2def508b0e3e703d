// Ops that move elements without arithmetic: Transpose, Slice, Concat, Split, Pad, Tile, Expand, DepthToSpace and its
// inverse.
#include <algorithm>
#include <limits>

#include "lib/ops/elementwise.h"
#include "lib/ops/families.h"
#include "lib/ops/upgrade_tools.h"

namespace compress {
namespace {

// Transpose -----------------------------------------------------------------------------------------------------------

std::vector<size_t> permutationOf(const Node& node, size_t rank) {
  auto listed = node.attributes.integers("perm");
  if (listed.empty())
    for (size_t i = rank; i-- > 0;) listed.push_back(static_cast<int64_t>(i));
  if (listed.size() != rank) reject("perm has ", listed.size(), " elements, expected ", rank);
  return normalizedAxes(listed, rank);
}

void inferTranspose(InferContext& context) {
  requireInputs(context, 1);
  const Type& x = context.input(0);
  Type& y = context.outputs.at(0);
  y = Type::tensor(x.dtype);
  if (!x.hasRank()) {
    if (const auto perm = context.node.attributes.integers("perm"); !perm.empty()) y.dims.emplace(perm.size());
    return;
  }
  y.dims.emplace();
  for (const size_t axis : permutationOf(context.node, x.rank())) y.dims->push_back((*x.dims)[axis]);
}

void transpose(ReferenceContext& context) {
  const auto own = stridesOf(context.inputs[0].shape());
  std::vector<int64_t> strides;
  for (const size_t axis : permutationOf(context.node, own.size())) strides.push_back(own[axis]);
  copyStrided(context.inputs[0], 0, strides, context.outputs[0]);
}

// Expand, Tile --------------------------------------------------------------------------------------------------------

void inferExpand(InferContext& context) {
  requireInputs(context, 2);
  const Type& x = context.input(0);
  context.outputs.at(0) = Type::tensor(x.dtype);
  const auto target = partialInts(context, 1);
  if (!x.hasRank() || !target) return;
  std::vector<Dim> dims;
  for (const PartialInt& element : *target) dims.push_back(dimOf(element));
  const Type both[] = {x, Type::tensor(x.dtype, std::move(dims))};
  context.outputs[0].dims = broadcastDims(both);
}

void expand(ReferenceContext& context) {
  const Shape& x = context.inputs[0].shape();
  copyStrided(context.inputs[0], 0, broadcastStrides(x, context.outputs[0].shape()), context.outputs[0]);
}

void inferTile(InferContext& context) {
  requireInputs(context, 2);
  if (!sameRankAsFirst(context)) return;
  const Type& x = context.input(0);
  Type& y = context.outputs[0];
  const auto repeats = partialInts(context, 1);
  if (!repeats) return;
  if (repeats->size() != x.rank()) reject("repeats has ", repeats->size(), " elements, expected ", x.rank());
  for (size_t i = 0; i < x.rank(); ++i) {
    const Dim factors[] = {(*x.dims)[i], dimOf((*repeats)[i])};
    (*y.dims)[i] = productOf(factors);
  }
}

void tile(ReferenceContext& context) {
  const Shape &x = context.inputs[0].shape(), &y = context.outputs[0].shape();
  if (y.rank() != x.rank()) reject("repeats are not known");
  if (y.elementCount() == 0) return;
  // [r0, d0, r1, d1, ...] with stride 0 along each repeat
  std::vector<int64_t> dims, strides;
  const auto own = stridesOf(x);
  for (size_t i = 0; i < x.rank(); ++i) {
    dims.insert(dims.end(), {y[i] / x[i], x[i]});
    strides.insert(strides.end(), {0, own[i]});
  }
  copyStridedShaped(context.inputs[0], 0, Shape(dims), strides, context.outputs[0]);
}

// Concat, Split -------------------------------------------------------------------------------------------------------

void inferConcat(InferContext& context) {
  requireInputs(context, 1);
  Type& y = context.outputs.at(0);
  y = Type::tensor(context.input(0).dtype);
  std::optional<size_t> axis;
  std::vector<Dim> parts;
  for (size_t i = 0; i < context.inputs.size(); ++i) {
    const Type& x = context.input(i);
    if (!x.hasRank()) return;
    if (!axis) {
      if (!context.node.attributes.has("axis")) reject("axis is missing");
      axis = normalizedAxis(context.node.attributes.integer("axis", 0), x.rank());
      y.dims = x.dims;
    }
    if (x.rank() != y.rank()) reject("inputs of rank ", y.rank(), " and ", x.rank(), ", expected the same");
    if (x.dtype != DType::undefined && y.dtype != DType::undefined && x.dtype != y.dtype)
      reject("inputs of ", nameOf(y.dtype), " and ", nameOf(x.dtype), ", expected one type");
    for (size_t k = 0; k < x.rank(); ++k)
      if (k != *axis) (*y.dims)[k] = merged((*y.dims)[k], (*x.dims)[k]);
    parts.push_back((*x.dims)[*axis]);
  }
  (*y.dims)[*axis] = sumOf(parts);
  if (y.rank() != 1) return;
  PartialInts elements;
  for (size_t i = 0; i < context.inputs.size(); ++i) {
    const auto part = isInteger(y.dtype) ? partialInts(context, i) : std::nullopt;
    if (part)
      elements.insert(elements.end(), part->begin(), part->end());
    else if (parts[i].isKnown() && parts[i].value <= 64)
      elements.insert(elements.end(), static_cast<size_t>(parts[i].value), PartialInt{});
    else
      return;
  }
  context.outputPartials.at(0) = std::move(elements);
}

void concat(ReferenceContext& context) {
  Buffer& y = context.outputs[0];
  joinAlong(context.inputs, normalizedAxis(context.node.attributes.integer("axis", 0), y.shape().rank()), y);
}

/// Sizes of the parts: input 1, or equal ones of which the last may be smaller.
std::optional<std::vector<int64_t>> splitSizes(const Node& node, std::optional<std::vector<int64_t>> given,
                                               bool isGiven, const Dim& dim) {
  if (isGiven) return given;
  if (!dim.isKnown()) return std::nullopt;
  const auto count = static_cast<int64_t>(node.outputs.size());
  if (count == 0) return std::nullopt;
  const int64_t size = (dim.value + count - 1) / count;
  std::vector<int64_t> sizes;
  for (int64_t i = 0, rest = dim.value; i < count; ++i, rest -= size)
    sizes.push_back(std::clamp<int64_t>(rest, 0, size));
  return sizes;
}

void inferSplit(InferContext& context) {
  requireInputs(context, 1);
  const Type& x = context.input(0);
  for (Type& output : context.outputs) output = Type::tensor(x.dtype);
  if (!x.hasRank()) return;
  const size_t axis = normalizedAxis(context.node.attributes.integer("axis", 0), x.rank());
  const Dim& dim = (*x.dims)[axis];
  const auto sizes = splitSizes(context.node, knownInts(context, 1), context.has(1), dim);
  if (sizes && sizes->size() != context.outputs.size())
    reject(sizes->size(), " sizes for ", context.outputs.size(), " outputs");
  std::vector<Dim> parts;
  for (size_t i = 0; i < context.outputs.size(); ++i) {
    parts.push_back(sizes ? Dim::of((*sizes)[i]) : Dim{});
    context.outputs[i].dims = x.dims;
    (*context.outputs[i].dims)[axis] = parts.back();
  }
  if (sizes && std::ranges::any_of(*sizes, [](int64_t size) { return size < 0; })) reject("a part has a negative size");
  const Dim sum = sumOf(parts);
  if (sum.isKnown() && dim.isKnown() && sum.value != dim.value)
    reject("the parts have ", sum.value, " elements along axis ", axis, " of ", dim.value);
}

void split(ReferenceContext& context) {
  const Tensor& x = context.inputs[0];
  const size_t axis = normalizedAxis(context.node.attributes.integer("axis", 0), x.shape().rank());
  const int64_t outer = x.shape().count(0, axis), row = x.shape().count(axis, x.shape().rank());
  const int64_t inner = x.shape().count(axis + 1, x.shape().rank());
  const auto sizes = *splitSizes(context.node, axesInput(context, 1), context.has(1), Dim::of(x.shape()[axis]));
  int64_t offset = 0;
  for (size_t part = 0; part < sizes.size(); ++part) {
    const int64_t length = sizes[part] * inner;
    if (context.wants(part)) {
      const Mover mover(x, context.outputs[part]);
      for (int64_t i = 0; i < outer; ++i) mover.copy(i * row + offset, i * length, length);
    }
    offset += length;
  }
}

/// Concat at opset 4: the axis, which was 1 by default, is always said.
void sayConcatAxis(Graph& graph, NodeId id) {
  if (!graph.node(id).attributes.has("axis")) graph.setAttribute(id, "axis", int64_t{1});
}

/// Tile at opset 6: repeats of all axes; before, how often along which one axis.
void refuseOneAxisTile(Graph& graph, NodeId id) {
  if (graph.node(id).inputs.size() > 2) throw Error(ErrorKind::unsupported, "tiles along one axis have no newer form");
}

/// Opset 13: `split` became an input.
void splitToInput(Graph& graph, NodeId id) {
  integersToInput(graph, id, "split", 1);
}

/// Opset 18: without sizes, the number of parts is said by num_outputs.
void splitNamesCount(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (!node.input(1) && !node.attributes.has("num_outputs"))
    graph.setAttribute(id, "num_outputs", static_cast<int64_t>(node.outputs.size()));
}

// DepthToSpace, SpaceToDepth ------------------------------------------------------------------------------------------

int64_t blockSizeOf(const Node& node) {
  const int64_t size = node.attributes.integer("blocksize", 0);
  if (size < 1 || size > 1 << 20) reject("blocksize is ", size, ", expected at least 1");
  return size;
}

/// What a block does to each of N, C, H, W.
using BlockRule = Dim (*)(const Dim&, int64_t);

void inferBlocks(InferContext& context, BlockRule channels, BlockRule pixels) {
  requireRank(context, 0, 4);
  const int64_t b = blockSizeOf(context.node);
  if (!sameRankAsFirst(context)) {
    context.outputs[0].dims.emplace(4);
    return;
  }
  const auto& x = *context.input(0).dims;
  context.outputs[0].dims = std::vector<Dim>{x[0], channels(x[1], b * b), pixels(x[2], b), pixels(x[3], b)};
}

void inferDepthToSpace(InferContext& context) {
  inferBlocks(context, divided, times);
}
void inferSpaceToDepth(InferContext& context) {
  inferBlocks(context, times, divided);
}

/// Whether the channels of a block come first (DCR) or last (CRD).
bool isDepthFirst(const Node& node) {
  const std::string mode = node.attributes.string("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") reject("mode is '", displayName(mode), "', expected DCR or CRD");
  return mode == "DCR";
}

/// y[n, c, h * b + i, w * b + j] = x[n, (i * b + j) * C + c, h, w] for DCR, x[n, (c * b + i) * b + j, h, w] for CRD.
void depthToSpace(ReferenceContext& context) {
  const Shape &x = context.inputs[0].shape(), &y = context.outputs[0].shape();
  const int64_t b = blockSizeOf(context.node), plane = x[2] * x[3];
  const bool isDcr = isDepthFirst(context.node);
  const int64_t c = isDcr ? plane : plane * b * b, i = isDcr ? plane * b * y[1] : plane * b,
                j = isDcr ? plane * y[1] : plane;
  const int64_t strides[] = {x[1] * plane, c, x[3], i, 1, j};
  copyStridedShaped(context.inputs[0], 0, Shape{y[0], y[1], x[2], b, x[3], b}, strides, context.outputs[0]);
}

/// The inverse: y[n, (i * b + j) * C + c, h, w] or y[n, (c * b + i) * b + j, h, w] = x[n, c, h * b + i, w * b + j]
void spaceToDepth(ReferenceContext& context) {
  const Shape &x = context.inputs[0].shape(), &y = context.outputs[0].shape();
  const int64_t b = blockSizeOf(context.node), plane = x[2] * x[3];
  const bool isDcr = isDepthFirst(context.node);
  const Shape blocks = isDcr ? Shape{x[0], b, b, x[1], y[2], y[3]} : Shape{x[0], x[1], b, b, y[2], y[3]};
  const std::vector<int64_t> strides = isDcr ? std::vector<int64_t>{x[1] * plane, x[3], 1, plane, x[3] * b, b}
                                             : std::vector<int64_t>{x[1] * plane, plane, x[3], 1, x[3] * b, b};
  copyStridedShaped(context.inputs[0], 0, blocks, strides, context.outputs[0]);
}

}  // namespace

std::vector<OpSpec> movementOps() {
  return {
      {"Transpose", "", inferTranspose, transpose, {}, "axes in another order"},
      {"Expand", "", inferExpand, expand, {}, "x broadcast to a shape"},
      {"Tile", "", inferTile, tile, {{6, refuseOneAxisTile}}, "x repeated along each axis"},
      {"Concat", "", inferConcat, concat, {{4, sayConcatAxis}}, "inputs one after the other along `axis`"},
      {"Split", "", inferSplit, split, {{13, splitToInput}, {18, splitNamesCount}}, "x cut into parts along `axis`"},
      {"DepthToSpace", "", inferDepthToSpace, depthToSpace, {}, "blocks of channels become blocks of pixels"},
      {"SpaceToDepth", "", inferSpaceToDepth, spaceToDepth, {}, "blocks of pixels become blocks of channels"},
  };
}

}  // namespace compress
