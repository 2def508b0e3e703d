// Where gathering and scattering ops read and write: indices checked and turned into offsets.
#pragma once
#include <cstdint>
#include <vector>

#include "lib/ir/tensor.h"

namespace compress {

/// A tensor seen as [outer, size, inner] around one axis.
struct Lines {
  int64_t outer, size, inner;
  Lines(const Shape& shape, size_t axis)
      : outer(shape.count(0, axis)), size(shape[axis]), inner(shape.count(axis + 1, shape.rank())) {}
};

/// `index` in [-size, size) as an offset in [0, size). Throws Error(input) outside.
int64_t checkedIndex(int64_t index, int64_t size);

/// For each element of `indices`, the offset into a tensor of `shape` of the element at the same position but for
/// `axis`, where the index says it.
std::vector<int64_t> elementOffsets(const Shape& shape, const Tensor& indices, int64_t axis);

/// Offsets into a tensor of `shape` that the last axis of `indices` names, each a slice of `length` elements.
struct Slices {
  std::vector<int64_t> offsets;
  int64_t length = 0;
};
Slices slicesOf(const Shape& shape, const Tensor& indices, size_t batchAxes);

}  // namespace compress
