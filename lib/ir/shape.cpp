#include "lib/ir/shape.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {

int64_t Shape::count(size_t first, size_t last) const {
  int64_t product = 1;
  for (size_t i = first; i < last; ++i) product *= dims_[i];
  return product;
}

std::string print(const Shape& shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.rank(); ++i) out += text(i == 0 ? "" : ", ", shape[i]);
  return out + "]";
}

std::optional<int64_t> checkedElementCount(const std::vector<int64_t>& dims) {
  constexpr int64_t kLimit = int64_t{1} << 48;
  int64_t product = 1;
  bool empty = false;
  for (const int64_t dim : dims) {
    if (dim < 0 || dim >= kLimit) return std::nullopt;
    if (dim == 0) {
      empty = true;
      continue;
    }
    if (product >= kLimit / dim + 1) return std::nullopt;
    product *= dim;
  }
  if (product >= kLimit) return std::nullopt;
  return empty ? 0 : product;
}

std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  const size_t rank = std::max(a.rank(), b.rank());
  std::vector<int64_t> dims(rank);
  for (size_t i = 0; i < rank; ++i) {  // counted from the last axis
    const int64_t x = i < a.rank() ? a[a.rank() - 1 - i] : 1;
    const int64_t y = i < b.rank() ? b[b.rank() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1) return std::nullopt;
    dims[rank - 1 - i] = x == 1 ? y : x;
  }
  return Shape(std::move(dims));
}

size_t normalizedAxis(int64_t axis, size_t rank) {
  const auto bound = static_cast<int64_t>(rank);
  if (axis < -bound || axis >= bound)
    throw Error(ErrorKind::input, text("axis ", axis, " is outside [", -bound, ", ", bound, ") of rank ", rank));
  return static_cast<size_t>(axis < 0 ? axis + bound : axis);
}

}  // namespace compress
