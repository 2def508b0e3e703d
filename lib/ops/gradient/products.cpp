// Gradients of matrix products: for Y = A B they are g B^T and A^T g.
#include <algorithm>

#include "lib/ops/gradient/rules.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

Attributes gemmAttributes(float alpha, bool isLeftTransposed, bool isRightTransposed) {
  return attributesOf({{"alpha", alpha},
                       {"transA", int64_t{isLeftTransposed ? 1 : 0}},
                       {"transB", int64_t{isRightTransposed ? 1 : 0}}});
}

void gemm(Backward& b) {
  const ValueId g = b.gradient(), left = b.input(0), right = b.input(1);
  const bool isLeft = b.attributes().integer("transA", 0) != 0, isRight = b.attributes().integer("transB", 0) != 0;
  const float alpha = b.attributes().real("alpha", 1), beta = b.attributes().real("beta", 1);
  if (b.wants(0))
    b.give(0, isLeft ? b.emit("Gemm", {right, g}, gemmAttributes(alpha, isRight, true))
                     : b.emit("Gemm", {g, right}, gemmAttributes(alpha, false, !isRight)));
  if (b.wants(1))
    b.give(1, isRight ? b.emit("Gemm", {g, left}, gemmAttributes(alpha, true, isLeft))
                      : b.emit("Gemm", {left, g}, gemmAttributes(alpha, !isLeft, false)));
  if (b.wants(2)) b.giveBroadcast(2, beta == 1 ? g : b.emit("Mul", {g, b.scalar(static_cast<double>(beta))}));
}

ValueId swapped(Backward& b, ValueId value, size_t rank) {
  std::vector<int64_t> order(rank);
  for (size_t i = 0; i < rank; ++i) order[i] = static_cast<int64_t>(i);
  std::swap(order[rank - 1], order[rank - 2]);
  return b.transpose(value, std::move(order));
}

Shape withBatch(const Shape& batch, int64_t rows, int64_t columns) {
  std::vector<int64_t> dims = batch.dims();
  dims.insert(dims.end(), {rows, columns});
  return Shape(dims);
}

/// Every matrix of a batch with the same right matrix is one product of flattened rows.
void matMulFlat(Backward& b, const Shape& left, const Shape& right) {
  const int64_t inner = right[0], columns = right[1], rows = left.elementCount() / std::max<int64_t>(inner, 1);
  const ValueId g = b.reshape(b.gradient(), {rows, columns});
  if (b.wants(0)) b.give(0, b.reshape(b.emit("Gemm", {g, b.input(1)}, gemmAttributes(1, false, true)), left));
  if (b.wants(1)) b.give(1, b.emit("Gemm", {b.reshape(b.input(0), {rows, inner}), g}, gemmAttributes(1, true, false)));
}

/// A vector is a row on the left, a column on the right; broadcast batches are summed.
void matMul(Backward& b) {
  const Shape a = b.shape(0), c = b.shape(1);
  if (a.rank() >= 2 && c.rank() == 2 && c[0] > 0) return matMulFlat(b, a, c);
  const Shape left = a.rank() == 1 ? Shape{1, a[0]} : a, right = c.rank() == 1 ? Shape{c[0], 1} : c;
  const auto batchOf = [](const Shape& shape) {
    return Shape(std::vector<int64_t>(shape.dims().begin(), shape.dims().end() - 2));
  };
  const Shape batch = *broadcast(batchOf(left), batchOf(right));
  const int64_t rows = left[left.rank() - 2], inner = left[left.rank() - 1], columns = right[right.rank() - 1];
  const auto whole = [&](size_t i, const Shape& shape) {
    return shape == b.shape(i) ? b.input(i) : b.reshape(b.input(i), shape);
  };
  const Shape full = withBatch(batch, rows, columns);
  const ValueId g = full == b.outputShape() ? b.gradient() : b.reshape(b.gradient(), full);
  const auto giveFrom = [&](size_t i, ValueId value, const Shape& from, const Shape& own) {
    if (own == b.shape(i)) return b.giveBroadcast(i, value, from);
    std::vector<int64_t> axes;  // a vector has no batch of its own
    for (size_t axis = 0; axis + 2 < from.rank(); ++axis) axes.push_back(static_cast<int64_t>(axis));
    b.give(i, b.reshape(b.sumOver(value, std::move(axes)), b.shape(i)));
  };
  if (b.wants(0))
    giveFrom(0, b.emit("MatMul", {g, swapped(b, whole(1, right), right.rank())}), withBatch(batch, rows, inner), left);
  if (b.wants(1))
    giveFrom(1, b.emit("MatMul", {swapped(b, whole(0, left), left.rank()), g}), withBatch(batch, inner, columns),
             right);
}

}  // namespace

std::vector<GradientRule> productGradients() {
  return {{"Gemm", gemm}, {"MatMul", matMul}};
}

}  // namespace compress
