// Choosing and ordering elements: TopK, NonZero, Compress, OneHot, Trilu, ReverseSequence.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/indices.h"
#include "lib/ops/rules.h"
#include "lib/ops/upgrade_tools.h"

namespace compress {
namespace {

void inferTopK(InferContext& context) {
  requireInputs(context, 2);
  const Type& x = context.input(0);
  Type values = x;
  if (x.hasRank()) {
    const auto k = knownInts(context, 1);
    Dim& dim = (*values.dims)[normalizedAxis(context.node.attributes.integer("axis", -1), x.rank())];
    if (k && k->size() != 1) reject("k has ", k->size(), " elements, expected 1");
    if (k && (k->front() < 0 || (dim.isKnown() && k->front() > dim.value)))
      reject("k is ", k->front(), ", the axis has ", dim.value, " elements");
    dim = k ? Dim::of(k->front()) : Dim{};
  }
  context.outputs.at(0) = values;
  values.dtype = DType::i64;
  if (context.outputs.size() > 1) context.outputs[1] = values;
}

/// The k largest or smallest along `axis`, best first; equal ones by index. NaN counts as larger than any number.
void topK(ReferenceContext& context) {
  const Tensor& x = context.inputs[0];
  const size_t axis = normalizedAxis(context.node.attributes.integer("axis", -1), x.shape().rank());
  const Lines lines(x.shape(), axis);
  const int64_t k = toInts(context.inputs[1]).at(0);
  const bool isLargest = context.node.attributes.integer("largest", 1) != 0;
  const Mover mover(x, context.outputs[0]);
  std::vector<int64_t> indices(static_cast<size_t>(lines.outer * k * lines.inner));
  withWide(x.dtype(), [&](auto zero) {
    const auto values = load<decltype(zero)>(x);
    std::vector<int64_t> order(static_cast<size_t>(lines.size));
    for (int64_t line = 0; line < lines.outer * lines.inner; ++line) {
      const int64_t o = line / lines.inner, i = line % lines.inner;
      const auto source = [&](int64_t position) { return (o * lines.size + position) * lines.inner + i; };
      const auto isLess = [&](int64_t a, int64_t b) {
        const auto u = values[static_cast<size_t>(source(a))], v = values[static_cast<size_t>(source(b))];
        return u < v || (u == u && v != v);
      };
      std::iota(order.begin(), order.end(), 0);
      std::ranges::stable_sort(order, [&](int64_t a, int64_t b) { return isLargest ? isLess(b, a) : isLess(a, b); });
      for (int64_t rank = 0; rank < k; ++rank) {
        const int64_t target = (o * k + rank) * lines.inner + i;
        mover.copy(source(order[static_cast<size_t>(rank)]), target);
        indices[static_cast<size_t>(target)] = order[static_cast<size_t>(rank)];
      }
    }
  });
  if (context.wants(1)) store(std::span<const int64_t>(indices), context.outputs[1]);
}

/// Opset 10: k became an input.
void countToInput(Graph& graph, NodeId id) {
  const int64_t k = graph.node(id).attributes.integer("k", 1);
  graph.eraseAttribute(id, "k");
  placeInput(graph, id, 1, addConstantFor(graph, id, "k", Tensor::ofInts({k})));
}

void inferNonZero(InferContext& context) {
  requireInputs(context, 1);
  const Type& x = context.input(0);
  context.outputs.at(0) =
      Type::tensor(DType::i64, std::vector<Dim>{x.hasRank() ? Dim::of(static_cast<int64_t>(x.rank())) : Dim{}, Dim{}});
}

void nonZero(ReferenceContext& context) {
  const Shape& shape = context.inputs[0].shape();
  const auto x = load<double>(context.inputs[0]);
  const auto strides = stridesOf(shape);
  std::vector<int64_t> found;
  for (size_t i = 0; i < x.size(); ++i)
    if (x[i] != 0) found.push_back(static_cast<int64_t>(i));
  std::vector<int64_t> positions;
  for (size_t axis = 0; axis < shape.rank(); ++axis)
    for (const int64_t i : found) positions.push_back(i / strides[axis] % shape[axis]);
  context.outputs[0] =
      Buffer(DType::i64, Shape{static_cast<int64_t>(shape.rank()), static_cast<int64_t>(found.size())});
  store(std::span<const int64_t>(positions), context.outputs[0]);
}

void inferCompress(InferContext& context) {
  requireInputs(context, 2);
  someOfFirst(context);
}

void compressSlices(ReferenceContext& context) {
  const bool isFlat = !context.node.attributes.has("axis");
  const Tensor x = isFlat ? context.inputs[0].reshaped(Shape{context.inputs[0].elementCount()}) : context.inputs[0];
  const size_t axis = isFlat ? 0 : normalizedAxis(context.node.attributes.integer("axis", 0), x.shape().rank());
  const Lines lines(x.shape(), axis);
  const auto condition = toInts(context.inputs[1]);
  std::vector<int64_t> kept;
  for (size_t i = 0; i < condition.size() && static_cast<int64_t>(i) < lines.size; ++i)
    if (condition[i] != 0) kept.push_back(static_cast<int64_t>(i));
  std::vector<int64_t> dims = x.shape().dims();
  dims[axis] = static_cast<int64_t>(kept.size());
  context.outputs[0] = Buffer(x.dtype(), Shape(dims));
  const Mover mover(x, context.outputs[0]);
  int64_t target = 0;
  for (int64_t o = 0; o < lines.outer; ++o)
    for (const int64_t i : kept) {
      mover.copy((o * lines.size + i) * lines.inner, target, lines.inner);
      target += lines.inner;
    }
}

Dim depthOf(const Tensor& depth) {
  const double value = toDoubles(depth).at(0);
  if (!(value >= 0 && value < 0x1p48)) reject("depth is ", value);
  return Dim::of(static_cast<int64_t>(value));
}

void inferOneHot(InferContext& context) {
  requireInputs(context, 3);
  const Type& indices = context.input(0);
  Type& y = context.outputs.at(0);
  y = Type::tensor(dtypeOfInput(context, 2));
  if (!indices.hasRank()) return;
  y.dims = indices.dims;
  const size_t axis = normalizedAxis(context.node.attributes.integer("axis", -1), indices.rank() + 1);
  const Tensor* depth = context.constant(1);
  y.dims->insert(y.dims->begin() + static_cast<std::ptrdiff_t>(axis), depth != nullptr ? depthOf(*depth) : Dim{});
}

void oneHot(ReferenceContext& context) {
  const auto indices = load<double>(context.inputs[0]);
  Buffer& y = context.outputs[0];
  const Lines lines(y.shape(), normalizedAxis(context.node.attributes.integer("axis", -1), y.shape().rank()));
  if (context.inputs[2].elementCount() != 2)
    reject("values has ", context.inputs[2].elementCount(), " elements, expected off and on");
  const Mover values(context.inputs[2], y);
  for (int64_t target = 0; target < y.elementCount(); ++target) {
    const int64_t o = target / (lines.size * lines.inner), position = target / lines.inner % lines.size,
                  i = target % lines.inner;
    const double index = indices[static_cast<size_t>(o * lines.inner + i)];
    const double wanted = index < 0 ? index + static_cast<double>(lines.size) : index;
    values.copy(wanted == static_cast<double>(position) ? 1 : 0, target);
  }
}

void inferAlongSecond(InferContext& context) {
  requireInputs(context, 2);
  sameAsFirst(context);
}

void trilu(ReferenceContext& context) {
  const Shape& shape = context.inputs[0].shape();
  if (shape.rank() < 2) reject("x has rank ", shape.rank(), ", expected at least 2");
  const int64_t k = context.has(1) ? toInts(context.inputs[1]).at(0) : 0;
  const bool isUpper = context.node.attributes.integer("upper", 1) != 0;
  const int64_t rows = shape[shape.rank() - 2], columns = shape[shape.rank() - 1];
  const Mover mover(context.inputs[0], context.outputs[0]);
  for (int64_t i = 0, count = shape.elementCount(); i < count; ++i) {
    const int64_t row = i / columns % rows, column = i % columns;
    if (isUpper ? column - row >= k : column - row <= k) mover.copy(i, i);
  }
}

/// The first sequence_lens[b] elements along time are put in reverse.
void reverseSequence(ReferenceContext& context) {
  const Tensor& x = context.inputs[0];
  const auto lengths = toInts(context.inputs[1]);
  const size_t timeAxis = normalizedAxis(context.node.attributes.integer("time_axis", 0), x.shape().rank());
  const size_t batchAxis = normalizedAxis(context.node.attributes.integer("batch_axis", 1), x.shape().rank());
  const auto strides = stridesOf(x.shape());
  const Mover mover(x, context.outputs[0]);
  for (int64_t i = 0; i < x.elementCount(); ++i) {
    const int64_t time = i / strides[timeAxis] % x.shape()[timeAxis];
    const int64_t length = lengths.at(static_cast<size_t>(i / strides[batchAxis] % x.shape()[batchAxis]));
    if (length < 0 || length > x.shape()[timeAxis])
      reject("length ", length, " is outside [0, ", x.shape()[timeAxis], "]");
    const int64_t source = time < length ? length - 1 - time : time;
    mover.copy(i + (source - time) * strides[timeAxis], i);
  }
}

}  // namespace

std::vector<OpSpec> selectionOps() {
  return {
      {"TopK",
       "",
       inferTopK,
       topK,
       {{10, countToInput}},
       "the k largest or smallest elements along `axis`, and their indices"},
      {"NonZero", "", inferNonZero, nonZero, {}, "positions of elements that are not 0"},
      {"Compress", "", inferCompress, compressSlices, {}, "slices of x where a condition holds"},
      {"OneHot", "", inferOneHot, oneHot, {}, "one value at the index along a new axis, another elsewhere"},
      {"Trilu", "", sameAsFirst, trilu, {}, "upper or lower triangle, zeros elsewhere"},
      {"ReverseSequence", "", inferAlongSecond, reverseSequence, {}, "the head of each sequence in reverse"},
  };
}

}  // namespace compress
