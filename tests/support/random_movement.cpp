// Generators of operators that move, repeat, select or join elements.
#include <algorithm>
#include <array>
#include <numeric>

#include "tests/support/random_graph.h"

namespace compress::test {
namespace {

using Op = std::string_view;
using Integers = std::vector<int64_t>;

DType anyType(GraphAuthor& a) {
  constexpr std::array kTypes = {DType::i64, DType::u8,  DType::i32, DType::boolean,
                                 DType::f16, DType::f64, DType::i8,  DType::bf16};
  return a.oneIn(4) ? kTypes[static_cast<size_t>(a.below(8))] : DType::f32;
}

int64_t rankOf(GraphAuthor& a, ValueId x) {
  return static_cast<int64_t>(a.shapeOf(x).rank());
}

/// An axis of `rank`, counted from the end at times.
int64_t axisOf(GraphAuthor& a, int64_t rank) {
  return a.below(rank) - (a.oneIn(3) ? rank : 0);
}

size_t place(int64_t axis, int64_t rank) {
  return static_cast<size_t>(axis < 0 ? axis + rank : axis);
}

/// Some different axes of `rank`.
Integers someAxes(GraphAuthor& a, int64_t rank) {
  Integers axes;
  for (int64_t i = 0; i < rank; ++i)
    if (a.oneIn(2)) axes.push_back(a.oneIn(3) ? i - rank : i);
  return axes;
}

void reshape(GraphAuthor& a, Op op) {
  const ValueId x = a.anySource(anyType(a), 0, 6);
  const Shape& shape = a.shapeOf(x);
  Integers dims = shape.dims();
  if (shape.elementCount() > 0) switch (a.below(4)) {
      case 0:
        dims = {-1};
        break;
      case 1:  // neighbours join
        for (size_t i = 0; i + 1 < dims.size() && a.oneIn(2); ++i) {
          dims[i + 1] *= dims[i];
          dims[i] = 1;
        }
        break;
      case 2:
        if (!dims.empty()) dims[static_cast<size_t>(a.below(std::ssize(dims)))] = -1;
        break;
      default:
        for (int64_t& dim : dims)
          if (a.oneIn(2)) dim = 0;  // as it was
        if (a.oneIn(2)) dims.push_back(1);
    }
  a.keep(a.node(op, {x, a.integers(dims)}));
}

void flatten(GraphAuthor& a, Op op) {
  const ValueId x = a.anySource(anyType(a), 0, 6);
  a.keep(a.node(op, {x}, {{"axis", a.from(-rankOf(a, x), rankOf(a, x))}}));
}

void squeeze(GraphAuthor& a, Op op) {
  const ValueId x = a.anySource(anyType(a), 1, 6);
  if (a.oneIn(3)) return a.keep(a.node(op, {x}));
  Integers axes;
  for (const int64_t axis : someAxes(a, rankOf(a, x)))
    if (a.shapeOf(x)[place(axis, rankOf(a, x))] == 1) axes.push_back(axis);
  if (!axes.empty()) a.keep(a.node(op, {x, a.integers(axes)}));
}

void unsqueeze(GraphAuthor& a, Op op) {
  const ValueId x = a.anySource(anyType(a), 0, 4);
  const int64_t added = a.from(1, 2);
  Integers axes = {axisOf(a, rankOf(a, x) + added)};
  const size_t first = place(axes[0], rankOf(a, x) + added);
  const int64_t other = axisOf(a, rankOf(a, x) + added);
  if (added == 2) axes.push_back(place(other, rankOf(a, x) + 2) == first ? (first == 0 ? 1 : 0) : other);
  a.keep(a.node(op, {x, a.integers(axes)}));
}

void identity(GraphAuthor& a, Op op) {
  a.keep(a.node(op, {a.anySource(anyType(a), 0, 6)}));
}

void dropout(GraphAuthor& a, Op op) {
  a.keep(a.nodes(op, {a.anySource(DType::f32, 0, 6)}, {}, a.oneIn(3) ? 2 : 1));
}

void transpose(GraphAuthor& a, Op op) {
  const ValueId x = a.anySource(anyType(a), 0, 6);
  if (a.oneIn(5)) return a.keep(a.node(op, {x}));
  Integers order(a.shapeOf(x).rank());
  std::iota(order.begin(), order.end(), int64_t{0});
  for (size_t i = order.size(); i > 1; --i)
    if (!a.oneIn(3)) std::swap(order[i - 1], order[static_cast<size_t>(a.below(static_cast<int64_t>(i)))]);
  a.keep(a.node(op, {x}, {{"perm", order}}));
}

void concat(GraphAuthor& a, Op op) {
  const DType dtype = anyType(a);
  const ValueId x = a.anySource(dtype, 1, 6);
  const int64_t axis = axisOf(a, rankOf(a, x));
  std::vector<ValueId> inputs = {x};
  for (int64_t i = a.below(4); i > 0; --i) {
    Integers dims = a.shapeOf(x).dims();
    if (a.oneIn(2)) dims[place(axis, rankOf(a, x))] = a.pick({0, 1, 1, 2, 3, 16});
    inputs.push_back(a.oneIn(8) ? x : a.operand(dtype, Shape(dims)));
  }
  if (a.oneIn(2)) std::swap(inputs.front(), inputs.back());
  a.keep(a.node(op, inputs, {{"axis", axis}}));
}

void slice(GraphAuthor& a, Op op) {
  const ValueId x = a.anySource(anyType(a), 1, 6);
  const int64_t rank = rankOf(a, x);
  Integers axes = someAxes(a, rank);
  Integers starts, ends, steps;
  for (const int64_t axis : axes) {
    const int64_t extent = a.shapeOf(x)[place(axis, rank)];
    const int64_t step = a.oneIn(6) ? a.pick({-1, -2}) : a.pick({1, 1, 1, 2, 3});
    const int64_t low = a.from(-1, extent), high = a.oneIn(3) ? 1'000'000'000 : a.from(low, extent + 1);
    steps.push_back(step);
    starts.push_back(step > 0 ? low : high);
    ends.push_back(step > 0 ? high : a.oneIn(3) ? -1'000'000'000 : low);
  }
  std::vector<ValueId> inputs = {x, a.integers(starts), a.integers(ends), a.integers(axes)};
  if (std::ranges::any_of(steps, [](int64_t step) { return step != 1; }) || a.oneIn(2))
    inputs.push_back(a.integers(steps));
  a.keep(a.node(op, inputs));
}

void split(GraphAuthor& a, Op op) {
  const ValueId x = a.anySource(anyType(a), 1, 6);
  const int64_t axis = axisOf(a, rankOf(a, x)), extent = a.shapeOf(x)[place(axis, rankOf(a, x))];
  const auto parts = static_cast<size_t>(a.from(1, 4));
  if (a.oneIn(2)) {
    if (extent < static_cast<int64_t>(parts)) return;
    return a.keep(a.nodes(op, {x}, {{"axis", axis}, {"num_outputs", static_cast<int64_t>(parts)}}, parts));
  }
  Integers sizes(parts, 0);
  for (int64_t i = 0; i < extent; ++i) ++sizes[static_cast<size_t>(a.below(static_cast<int64_t>(parts)))];
  a.keep(a.nodes(op, {x, a.integers(sizes)}, {{"axis", axis}}, parts));
}

void pad(GraphAuthor& a, Op op) {
  const DType dtype = anyType(a);
  const ValueId x = a.source(dtype, 1, 5);
  const int64_t rank = rankOf(a, x);
  const std::string mode = a.pickWord({"constant", "constant", "constant", "edge", "reflect", "wrap"});
  const Integers axes = a.oneIn(4) ? someAxes(a, rank) : Integers();
  const size_t count = axes.empty() ? static_cast<size_t>(rank) : axes.size();
  Integers pads;
  for (size_t i = 0; i < 2 * count; ++i) {
    const int64_t extent = a.shapeOf(x)[axes.empty() ? i % count : place(axes[i % count], rank)];
    const int64_t most = mode == "constant" || mode == "edge" ? 3 : std::min<int64_t>(2, extent - 1);
    pads.push_back(a.oneIn(2) ? 0 : a.oneIn(8) && extent > 2 && mode == "constant" ? -1 : a.from(0, most));
  }
  const ValueId value = mode == "constant" && a.oneIn(3) ? a.constant(dtype, Shape{}, 1, 2) : kNoValue;
  a.keep(a.node(op, {x, a.integers(pads), value, axes.empty() ? kNoValue : a.integers(axes)}, {{"mode", mode}}));
}

/// An image whose extents the factor divides.
ValueId imageOf(GraphAuthor& a, DType dtype, int64_t channels, int64_t factor) {
  return a.input(dtype, Shape{a.from(1, 2), channels, factor * a.from(1, 5), factor * a.from(1, 5)});
}

void depthToSpace(GraphAuthor& a, Op op) {
  const int64_t block = a.from(1, 3);
  a.keep(a.node(op, {imageOf(a, anyType(a), block * block * a.from(1, 4), 1)},
                {{"blocksize", block}, {"mode", a.pickWord({"DCR", "CRD"})}}));
}

void spaceToDepth(GraphAuthor& a, Op op) {
  const int64_t block = a.from(1, 3);
  a.keep(a.node(op, {imageOf(a, anyType(a), a.from(1, 5), block)}, {{"blocksize", block}}));
}

void expand(GraphAuthor& a, Op op) {
  const ValueId x = a.anySource(anyType(a), 0, 5);
  Integers dims = a.shapeOf(x).dims();
  for (int64_t& dim : dims) dim = dim == 1 && a.oneIn(2) ? a.from(1, 4) : a.oneIn(3) ? 1 : dim;
  if (a.oneIn(3)) dims.insert(dims.begin(), a.from(1, 3));
  a.keep(a.node(op, {x, a.integers(dims)}));
}

void tile(GraphAuthor& a, Op op) {
  const ValueId x = a.anySource(anyType(a), 1, 5);
  Integers repeats;
  for (int64_t i = 0; i < rankOf(a, x); ++i) repeats.push_back(a.pick({1, 1, 1, 2, 3}));
  a.keep(a.node(op, {x, a.integers(repeats)}));
}

ValueId indices(GraphAuthor& a, const Shape& shape, int64_t extent) {
  const DType dtype = a.oneIn(3) ? DType::i32 : DType::i64;
  const double low = a.oneIn(3) ? static_cast<double>(-extent) : 0;
  // Rounded towards zero.
  const double high = static_cast<double>(extent) - 0.01;
  return a.oneIn(2) ? a.constant(dtype, shape, low, high) : a.input(dtype, shape, low, high);
}

void gather(GraphAuthor& a, Op op) {
  const ValueId x = a.source(anyType(a), 1, 5);
  const int64_t axis = axisOf(a, rankOf(a, x));
  a.keep(a.node(op, {x, indices(a, a.shape(0, 2), a.shapeOf(x)[place(axis, rankOf(a, x))])}, {{"axis", axis}}));
}

void gatherElements(GraphAuthor& a, Op op) {
  const ValueId x = a.source(anyType(a), 1, 4);
  const int64_t axis = axisOf(a, rankOf(a, x));
  Integers dims = a.shapeOf(x).dims();
  dims[place(axis, rankOf(a, x))] = a.from(1, 4);
  a.keep(a.node(op, {x, indices(a, Shape(dims), a.shapeOf(x)[place(axis, rankOf(a, x))])}, {{"axis", axis}}));
}

void resize(GraphAuthor& a, Op op) {
  const std::string mode = a.pickWord({"nearest", "linear", "linear", "cubic"});
  const ValueId x = a.source(mode == "nearest" ? anyType(a) : DType::f32, 3, a.oneIn(4) ? 5 : 4);
  const size_t rank = a.shapeOf(x).rank();
  std::vector<GraphAuthor::Attribute> attributes = {
      {"mode", mode},
      {"coordinate_transformation_mode",
       a.pickWord({"half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric"})}};
  if (mode == "nearest")
    attributes.push_back({"nearest_mode", a.pickWord({"floor", "ceil", "round_prefer_floor", "round_prefer_ceil"})});
  if (mode != "nearest" && a.oneIn(4)) attributes.push_back({"antialias", int64_t{1}});
  if (mode == "cubic" && a.oneIn(3)) attributes.push_back({"exclude_outside", int64_t{1}});
  Integers sizes = a.shapeOf(x).dims();
  std::vector<float> scales(rank, 1);
  for (size_t i = a.oneIn(8) ? 0 : 2; i < rank; ++i) {
    sizes[i] = a.from(1, 2 * sizes[i] + 1);
    scales[i] = a.oneIn(2) ? 2.0F : static_cast<float>(a.random().uniform(0.4, 2.6));
  }
  if (a.oneIn(2)) return a.keep(a.node(op, {x, kNoValue, kNoValue, a.integers(sizes)}, attributes));
  const ValueId factors = a.constant(Tensor::of<float>(Shape{static_cast<int64_t>(rank)}, scales));
  a.keep(a.node(op, {x, kNoValue, factors}, attributes));
}

constexpr std::array kWriters = {
    OperatorWriter{"Reshape", reshape},
    OperatorWriter{"Flatten", flatten},
    OperatorWriter{"Squeeze", squeeze},
    OperatorWriter{"Unsqueeze", unsqueeze},
    OperatorWriter{"Identity", identity},
    OperatorWriter{"Dropout", dropout},
    OperatorWriter{"Transpose", transpose},
    OperatorWriter{"Concat", concat},
    OperatorWriter{"Slice", slice},
    OperatorWriter{"Split", split},
    OperatorWriter{"Pad", pad},
    OperatorWriter{"DepthToSpace", depthToSpace},
    OperatorWriter{"SpaceToDepth", spaceToDepth},
    OperatorWriter{"Expand", expand},
    OperatorWriter{"Tile", tile},
    OperatorWriter{"Gather", gather},
    OperatorWriter{"GatherElements", gatherElements},
    OperatorWriter{"Resize", resize},
};

}  // namespace

std::span<const OperatorWriter> movementWriters() {
  return kWriters;
}

}  // namespace compress::test
