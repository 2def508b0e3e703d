#include "lib/ops/indices.h"

#include "lib/ops/access.h"
#include "lib/ops/rules.h"

namespace compress {

int64_t checkedIndex(int64_t index, int64_t size) {
  if (index < -size || index >= size) reject("index ", index, " is outside [", -size, ", ", size, ")");
  return index < 0 ? index + size : index;
}

std::vector<int64_t> elementOffsets(const Shape& shape, const Tensor& indices, int64_t axis) {
  const size_t along = normalizedAxis(axis, shape.rank());
  const Shape& positions = indices.shape();
  if (positions.rank() != shape.rank()) reject("indices have rank ", positions.rank(), ", expected ", shape.rank());
  for (size_t i = 0; i < shape.rank(); ++i)
    if (i != along && positions[i] > shape[i])
      reject("indices have shape ", print(positions), ", which does not fit into ", print(shape));
  auto offsets = toInts(indices);
  const auto strides = stridesOf(shape), own = stridesOf(positions);
  for (size_t i = 0; i < offsets.size(); ++i) {
    int64_t offset = checkedIndex(offsets[i], shape[along]) * strides[along];
    for (size_t k = 0; k < shape.rank(); ++k)
      if (k != along) offset += static_cast<int64_t>(i) / own[k] % positions[k] * strides[k];
    offsets[i] = offset;
  }
  return offsets;
}

Slices slicesOf(const Shape& shape, const Tensor& indices, size_t batchAxes) {
  const Shape& positions = indices.shape();
  if (positions.rank() < batchAxes + 1)
    reject("indices have rank ", positions.rank(), ", expected more than ", batchAxes, " batch axes");
  const auto depth = static_cast<size_t>(positions[positions.rank() - 1]);
  if (batchAxes + depth > shape.rank())
    reject("indices of ", depth, " coordinates after ", batchAxes, " batch axes into a tensor of rank ", shape.rank());
  const auto coordinates = toInts(indices);
  const auto strides = stridesOf(shape);
  const int64_t perBatch = positions.count(batchAxes, positions.rank() - 1),
                batchSize = shape.count(batchAxes, shape.rank());
  Slices slices{{}, shape.count(batchAxes + depth, shape.rank())};
  const int64_t count = positions.count(0, positions.rank() - 1);
  for (int64_t i = 0; i < count; ++i) {
    int64_t offset = i / perBatch * batchSize;
    for (size_t k = 0; k < depth; ++k)
      offset +=
          checkedIndex(coordinates[static_cast<size_t>(i) * depth + k], shape[batchAxes + k]) * strides[batchAxes + k];
    slices.offsets.push_back(offset);
  }
  return slices;
}

}  // namespace compress
