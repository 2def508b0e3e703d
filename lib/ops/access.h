// Elements of any numeric type as one of three wide types (double, int64_t, uint64_t), so that a reference is written
// once and not per type; and copying of elements of any type at all, for ops that only move them.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "lib/ir/tensor.h"

namespace compress {

/// All elements as Wide: double (any numeric type), int64_t or uint64_t (integers and bool; negative ones wrap). 4-bit
/// and 2-bit integers and 8-bit floats too. Throws Error(unsupported) for other types.
template <typename Wide>
std::vector<Wide> load(const Tensor& tensor);
template <>
std::vector<double> load<double>(const Tensor& tensor);
template <>
std::vector<int64_t> load<int64_t>(const Tensor& tensor);
template <>
std::vector<uint64_t> load<uint64_t>(const Tensor& tensor);

/// Writes all elements: floats are rounded, integers take the low bits, bool is "not zero". From double to integers the
/// value must fit.
void store(std::span<const double> values, Buffer& to);
void store(std::span<const int64_t> values, Buffer& to);
void store(std::span<const uint64_t> values, Buffer& to);

/// Calls body(Wide{}) with the wide type in which elements of `dtype` are computed: bool is uint64_t.
template <typename Body>
void withWide(DType dtype, const Body& body) {
  if (isFloating(dtype))
    body(double{});
  else if (isSigned(dtype))
    body(int64_t{});
  else
    body(uint64_t{});
}

/// Distance in elements between neighbours along each axis, C order.
std::vector<int64_t> stridesOf(const Shape& shape);

/// body(start, count, step) for each row along the last axis, in C order: its elements lie at start + i * step, where
/// the element at index (i, j, ...) lies at i * strides[0] + j * strides[1] + ... A scalar is one row of one element.
template <typename Body>
void forEachRow(const Shape& shape, std::span<const int64_t> strides, const Body& body) {
  const size_t rank = shape.rank();
  if (shape.elementCount() == 0) return;
  if (rank == 0) return body(int64_t{0}, int64_t{1}, int64_t{1});
  std::vector<int64_t> index(rank, 0);
  int64_t start = 0;
  while (true) {
    body(start, shape[rank - 1], strides[rank - 1]);
    size_t axis = rank - 1;
    while (axis-- > 0) {
      start += strides[axis];
      if (++index[axis] < shape[axis]) break;
      start -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
    if (axis == static_cast<size_t>(-1)) return;
  }
}

/// Copies runs of elements of any type from a tensor to a buffer of the same type.
class Mover {
 public:
  Mover(const Tensor& from, Buffer& to);
  void copy(int64_t source, int64_t target, int64_t count = 1) const;

 private:
  const Tensor& from_;
  Buffer& to_;
  const std::byte* source_ = nullptr;
  std::byte* target_ = nullptr;
  int bits_;
};

/// The same elements in the same order.
void copyAll(const Tensor& from, Buffer& to);
/// `to` becomes a copy of `from`, allocated where it has another type or shape. Lists too.
void assign(const Tensor& from, Buffer& to);
/// Parts one after the other along `axis`, which fill `to`.
void joinAlong(std::span<const Tensor> parts, size_t axis, Buffer& to);
/// Fills `to` in order; the element at index (i, j, ...) comes from `offset` + i * strides[0] + j * strides[1] + ... of
/// `from`.
void copyStrided(const Tensor& from, int64_t offset, std::span<const int64_t> strides, Buffer& to);
/// The same with indices that run over `shape`, another view of as many elements as `to` has.
void copyStridedShaped(const Tensor& from, int64_t offset, const Shape& shape, std::span<const int64_t> strides,
                       Buffer& to);

}  // namespace compress
