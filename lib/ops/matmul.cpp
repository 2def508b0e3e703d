// Matrix products: MatMul with numpy's rules, Gemm, and the integer forms.
#include <algorithm>

#include "lib/base/parallel.h"
#include "lib/ops/elementwise.h"
#include "lib/ops/families.h"
#include "lib/ops/lowering.h"
#include "lib/ops/quantized.h"

namespace compress {
namespace {

/// numpy.matmul: a vector is a row on the left, a column on the right, and its axis of size 1 is dropped from the
/// result.
std::optional<std::vector<Dim>> productDims(const Type& a, const Type& b) {
  if (!a.hasRank() || !b.hasRank()) return std::nullopt;
  std::vector<Dim> left = *a.dims, right = *b.dims;
  if (left.empty() || right.empty()) reject("a matrix product of a scalar");
  const bool isRow = left.size() == 1, isColumn = right.size() == 1;
  if (isRow) left.insert(left.begin(), Dim::of(1));
  if (isColumn) right.push_back(Dim::of(1));
  const Dim &inner = left.back(), &outer = right[right.size() - 2];
  if (inner.isKnown() && outer.isKnown() && inner.value != outer.value)
    reject("the inner dimensions are ", inner.value, " and ", outer.value);
  const Dim rows = left[left.size() - 2], columns = right.back();
  left.resize(left.size() - 2);
  right.resize(right.size() - 2);
  const Type batches[] = {Type::tensor(DType::f32, std::move(left)), Type::tensor(DType::f32, std::move(right))};
  std::vector<Dim> dims = *broadcastDims(batches);
  if (!isRow) dims.push_back(rows);
  if (!isColumn) dims.push_back(columns);
  return dims;
}

/// y += a b for row-major a [rows, inner], b [inner, columns].
template <typename Wide>
void multiply(const Wide* a, const Wide* b, Wide* y, int64_t rows, int64_t inner, int64_t columns) {
  parallelFor(rows, [&](int64_t r) {
    Wide* to = y + r * columns;
    for (int64_t k = 0; k < inner; ++k) {
      const Wide factor = a[r * inner + k];
      const Wide* from = b + k * columns;
      for (int64_t c = 0; c < columns; ++c) to[c] += factor * from[c];
    }
  });
}

Shape withRow(const Shape& shape) {
  return shape.rank() == 1 ? Shape{1, shape[0]} : shape;
}
Shape withColumn(const Shape& shape) {
  return shape.rank() == 1 ? Shape{shape[0], 1} : shape;
}
Shape batchOf(const Shape& shape) {
  return Shape(std::vector<int64_t>(shape.dims().begin(), shape.dims().end() - 2));
}

template <typename Wide>
std::vector<Wide> product(const std::vector<Wide>& a, const Shape& aGiven, const std::vector<Wide>& b,
                          const Shape& bGiven) {
  const Shape aShape = withRow(aGiven), bShape = withColumn(bGiven);
  const int64_t rows = aShape[aShape.rank() - 2], inner = aShape[aShape.rank() - 1],
                columns = bShape[bShape.rank() - 1];
  const Shape batch = *broadcast(batchOf(aShape), batchOf(bShape));
  std::vector<Wide> y(static_cast<size_t>(batch.elementCount() * rows * columns), Wide{0});
  std::vector<int64_t> aBatches, bBatches;
  const auto list = [&](const Shape& shape, std::vector<int64_t>& to) {
    forEachRow(batch, broadcastStrides(batchOf(shape), batch), [&](int64_t start, int64_t count, int64_t step) {
      for (int64_t i = 0; i < count; ++i) to.push_back(start + i * step);
    });
  };
  list(aShape, aBatches);
  list(bShape, bBatches);
  for (size_t i = 0; i < aBatches.size(); ++i)
    multiply(a.data() + aBatches[i] * rows * inner, b.data() + bBatches[i] * inner * columns,
             y.data() + static_cast<int64_t>(i) * rows * columns, rows, inner, columns);
  return y;
}

void inferMatMul(InferContext& context) {
  requireInputs(context, 2);
  context.outputs.at(0) = tensorType(dtypeOfInput(context, 0), productDims(context.input(0), context.input(1)));
}

void matMul(ReferenceContext& context) {
  const Tensor &a = context.inputs[0], &b = context.inputs[1];
  if (isFloating(a.dtype())) {
    store(std::span<const double>(product(load<double>(a), a.shape(), load<double>(b), b.shape())), context.outputs[0]);
  } else {  // wraps, signed or not
    store(std::span<const uint64_t>(product(load<uint64_t>(a), a.shape(), load<uint64_t>(b), b.shape())),
          context.outputs[0]);
  }
}

Dim dimAt(const Type& type, size_t axis) {
  return type.hasRank() ? type.dims->at(axis) : Dim{};
}

void inferGemm(InferContext& context) {
  requireInputs(context, 2);
  requireRank(context, 0, 2);
  requireRank(context, 1, 2);
  const size_t transA = context.node.attributes.integer("transA", 0) != 0 ? 1 : 0,
               transB = context.node.attributes.integer("transB", 0) != 0 ? 1 : 0;
  const Dim inner = dimAt(context.input(0), 1 - transA), outer = dimAt(context.input(1), transB);
  if (inner.isKnown() && outer.isKnown() && inner.value != outer.value)
    reject("the inner dimensions are ", inner.value, " and ", outer.value);
  const std::vector<Dim> dims = {dimAt(context.input(0), transA), dimAt(context.input(1), 1 - transB)};
  context.outputs.at(0) = Type::tensor(dtypeOfInput(context, 0), dims);
  if (!context.has(2) || !context.input(2).hasRank()) return;
  const Type both[] = {context.outputs[0], context.input(2)};
  const auto wide = *broadcastDims(both);
  for (size_t i = 0; i < 2; ++i)
    if (wide.size() != 2 || (dims[i].isKnown() && wide[i] != dims[i]))
      reject("C is ", print(context.input(2)), ", which does not broadcast to ", print(context.outputs[0]));
}

std::vector<double> transposed(const std::vector<double>& values, const Shape& shape) {
  std::vector<double> out(values.size());
  const auto rows = static_cast<size_t>(shape[0]), columns = static_cast<size_t>(shape[1]);
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < columns; ++c) out[c * rows + r] = values[r * columns + c];
  return out;
}

/// y = alpha a' b' + beta c
void gemm(ReferenceContext& context) {
  const auto side = [&](size_t i, std::string_view name, Shape& shape) {
    auto values = load<double>(context.inputs[i]);
    shape = context.inputs[i].shape();
    if (context.node.attributes.integer(name, 0) == 0) return values;
    values = transposed(values, shape);
    shape = {shape[1], shape[0]};
    return values;
  };
  Shape aShape, bShape;
  const auto a = side(0, "transA", aShape), b = side(1, "transB", bShape);
  auto y = product(a, aShape, b, bShape);
  const double alpha = static_cast<double>(context.node.attributes.real("alpha", 1)),
               beta = static_cast<double>(context.node.attributes.real("beta", 1));
  for (double& value : y) value *= alpha;
  const Shape& shape = context.outputs[0].shape();
  if (context.has(2) && beta != 0)
    y = broadcastMap<double>(y, shape, load<double>(context.inputs[2]), context.inputs[2].shape(), shape,
                             [beta](double sum, double c) { return sum + beta * c; });
  store(std::span<const double>(y), context.outputs[0]);
}

void inferMatMulInteger(InferContext& context) {
  inferMatMul(context);
  context.outputs[0].dtype = DType::i32;
}

/// Zero points are one element, or one per row of a [..., rows, inner] and one per column of b [..., inner, columns].
void matMulInteger(ReferenceContext& context) {
  const Tensor &a = context.inputs[0], &b = context.inputs[1];
  const size_t aRank = a.shape().rank(), bRank = b.shape().rank();
  const auto left = withoutZeroPoint(a, context.has(2) ? context.inputs[2] : Tensor{}, aRank < 2 ? 0 : aRank - 2);
  const auto right = withoutZeroPoint(b, context.has(3) ? context.inputs[3] : Tensor{}, bRank - 1);
  store(std::span<const double>(product(left, a.shape(), right, b.shape())), context.outputs[0]);
}

void inferQLinearMatMul(InferContext& context) {
  requireInputs(context, 8);
  context.outputs.at(0) = tensorType(dtypeOfInput(context, 7), productDims(context.input(0), context.input(3)));
}

void qLinearMatMul(ReferenceContext& context) {
  const Tensor &a = context.inputs[0], &b = context.inputs[3];
  const size_t aRank = a.shape().rank(), bRank = b.shape().rank();
  const auto sums = product(withoutZeroPoint(a, context.inputs[2], aRank < 2 ? 0 : aRank - 2), a.shape(),
                            withoutZeroPoint(b, context.inputs[5], bRank - 1), b.shape());
  Buffer& y = context.outputs[0];
  const auto columns = bRank == 1 ? size_t{1} : static_cast<size_t>(b.shape()[bRank - 1]);
  const auto rows = aRank == 1 ? size_t{1} : static_cast<size_t>(a.shape()[aRank - 2]);
  const auto aScale = perChannel(context.inputs[1], rows, "a_scale"),
             bScale = perChannel(context.inputs[4], columns, "b_scale");
  const Quantizer quantizer(perChannel(context.inputs[6], 1, "y_scale")[0],
                            perChannel(context.inputs[7], 1, "y_zero_point")[0], y.dtype());
  std::vector<double> values(sums.size());
  for (size_t i = 0; i < sums.size(); ++i)
    values[i] = quantizer(static_cast<float>(aScale[i / columns % rows] * bScale[i % columns] * sums[i]));
  store(std::span<const double>(values), y);
}

/// Gemm at opset 7: C broadcasts without being told to.
void dropBroadcast(Graph& graph, NodeId id) {
  graph.eraseAttribute(id, "broadcast");
}

/// With constant weights and one scale for the left side: as DequantizeLinear, MatMul and QuantizeLinear, which plans
/// know.
bool lowerQLinearMatMul(Lowering& node) {
  enum Input : size_t { kA, kAScale, kAZero, kB, kBScale, kBZero, kYScale, kYZero };
  const Tensor *left = node.constant(kAScale), *right = node.constant(kBScale), *zero = node.constant(kBZero);
  if (!node.constant(kB) || !left || left->elementCount() != 1 || !right || !zero ||
      right->elementCount() != zero->elementCount() || (right->elementCount() > 1 && right->shape().rank() > 1))
    return false;
  const ValueId a = node.emit("DequantizeLinear", {node.input(kA), node.input(kAScale), node.input(kAZero)});
  const ValueId b = node.emit("DequantizeLinear", {node.input(kB), node.input(kBScale), node.input(kBZero)},
                              attributesOf({{"axis", int64_t{-1}}}));
  node.give(0, node.emit("QuantizeLinear", {node.emit("MatMul", {a, b}), node.input(kYScale), node.input(kYZero)}));
  return true;
}

}  // namespace

std::vector<OpSpec> matmulOps() {
  return {
      {"MatMul", "", inferMatMul, matMul, {}, "y = a b, numpy's matmul"},
      {"Gemm", "", inferGemm, gemm, {{7, dropBroadcast}}, "y = alpha a b + beta c, a and b possibly transposed"},
      {"MatMulInteger",
       "",
       inferMatMulInteger,
       matMulInteger,
       {},
       "product of 8-bit integers less their zero points, in int32"},
      {"QLinearMatMul",
       "",
       inferQLinearMatMul,
       qLinearMatMul,
       {},
       "Quantize(Dequantize(a) Dequantize(b))",
       lowerQLinearMatMul},
  };
}

}  // namespace compress
