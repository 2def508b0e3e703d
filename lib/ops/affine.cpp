// Square matrices and affine maps: Det, AffineGrid.
#include <cmath>

#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

void inferDet(InferContext& context) {
  requireInputs(context, 1);
  const Type& x = context.input(0);
  context.outputs.at(0) = Type::tensor(x.dtype);
  if (!x.hasRank()) return;
  if (x.rank() < 2) reject("x has rank ", x.rank(), ", expected at least 2");
  merged((*x.dims)[x.rank() - 2], x.dims->back());
  context.outputs[0].dims = std::vector<Dim>(x.dims->begin(), x.dims->end() - 2);
}

/// By elimination with the largest pivot of each column.
double determinant(std::span<double> a, size_t n) {
  double product = 1;
  for (size_t column = 0; column < n; ++column) {
    size_t pivot = column;
    for (size_t row = column + 1; row < n; ++row)
      if (std::abs(a[row * n + column]) > std::abs(a[pivot * n + column])) pivot = row;
    if (a[pivot * n + column] == 0) return 0;
    if (pivot != column) {
      std::swap_ranges(a.begin() + static_cast<std::ptrdiff_t>(pivot * n),
                       a.begin() + static_cast<std::ptrdiff_t>((pivot + 1) * n),
                       a.begin() + static_cast<std::ptrdiff_t>(column * n));
      product = -product;
    }
    product *= a[column * n + column];
    for (size_t row = column + 1; row < n; ++row) {
      const double factor = a[row * n + column] / a[column * n + column];
      for (size_t k = column; k < n; ++k) a[row * n + k] -= factor * a[column * n + k];
    }
  }
  return product;
}

void det(ReferenceContext& context) {
  const Shape& shape = context.inputs[0].shape();
  const auto n = static_cast<size_t>(shape[shape.rank() - 1]);
  auto x = load<double>(context.inputs[0]);
  std::vector<double> y(static_cast<size_t>(context.outputs[0].elementCount()));
  for (size_t i = 0; i < y.size(); ++i) y[i] = determinant(std::span(x).subspan(i * n * n, n * n), n);
  store(std::span<const double>(y), context.outputs[0]);
}

void inferAffineGrid(InferContext& context) {
  requireInputs(context, 2);
  requireRank(context, 0, 3);
  context.outputs.at(0) = Type::tensor(dtypeOfInput(context, 0));
  const auto size = partialInts(context, 1);
  if (!size) return;
  if (size->size() != 4 && size->size() != 5) reject("size has ", size->size(), " elements, expected 4 or 5");
  std::vector<Dim> dims = {dimOf(size->front())};
  for (size_t i = 2; i < size->size(); ++i) dims.push_back(dimOf((*size)[i]));
  dims.push_back(Dim::of(static_cast<int64_t>(size->size()) - 2));
  context.outputs[0].dims = dims;
}

/// Positions run over [-1, 1]: the centres of the corners where they are aligned, else the outer edges.
double positionOf(int64_t i, int64_t size, bool alignCorners) {
  const auto at = static_cast<double>(i), extent = static_cast<double>(size);
  if (alignCorners) return size == 1 ? 0 : 2 * at / (extent - 1) - 1;
  return (2 * at + 1) / extent - 1;
}

/// grid[n, ..., :] = theta[n] (x, y, z, 1)
void affineGrid(ReferenceContext& context) {
  const Shape &shape = context.outputs[0].shape(), &maps = context.inputs[0].shape();
  const bool alignCorners = context.node.attributes.integer("align_corners", 0) != 0;
  const auto theta = load<double>(context.inputs[0]);
  const auto rank = static_cast<size_t>(shape[shape.rank() - 1]);
  if (maps[0] != shape[0] || maps[1] != static_cast<int64_t>(rank) || maps[2] != static_cast<int64_t>(rank) + 1)
    reject("theta has shape ", print(maps), ", expected ",
           print(Shape{shape[0], static_cast<int64_t>(rank), static_cast<int64_t>(rank) + 1}));
  const auto strides = stridesOf(shape);
  std::vector<double> y(static_cast<size_t>(shape.elementCount()));
  for (size_t at = 0; at < y.size(); at += rank) {
    const double* map = theta.data() + static_cast<int64_t>(at) / strides[0] * maps[1] * maps[2];
    for (size_t row = 0; row < rank; ++row) {
      double sum = map[row * (rank + 1) + rank];
      for (size_t k = 0; k < rank; ++k) {
        const size_t axis = rank - k;  // x is the innermost axis
        const int64_t i = static_cast<int64_t>(at) / strides[axis] % shape[axis];
        sum += map[row * (rank + 1) + k] * positionOf(i, shape[axis], alignCorners);
      }
      y[at + row] = sum;
    }
  }
  store(std::span<const double>(y), context.outputs[0]);
}

}  // namespace

std::vector<OpSpec> affineOps() {
  return {
      {"Det", "", inferDet, det, {}, "the determinant of each matrix"},
      {"AffineGrid", "", inferAffineGrid, affineGrid, {}, "the positions that affine maps give a grid, for GridSample"},
  };
}

}  // namespace compress
