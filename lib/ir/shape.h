// The extents of a tensor that exists: every dimension is known and not negative.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace compress {

class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) : dims_(dims) {}
  explicit Shape(std::vector<int64_t> dims) : dims_(std::move(dims)) {}

  size_t rank() const { return dims_.size(); }
  int64_t operator[](size_t axis) const { return dims_[axis]; }
  const std::vector<int64_t>& dims() const { return dims_; }
  /// Product of the dimensions from axis `first` up to, not including, `last`.
  int64_t count(size_t first, size_t last) const;
  int64_t elementCount() const { return count(0, rank()); }
  bool operator==(const Shape&) const = default;

 private:
  std::vector<int64_t> dims_;
};

/// "[1, 3, 32, 32]"
std::string print(const Shape& shape);

/// Product of `dims`; nothing when a dimension is negative or the product reaches 2^48 (docs/reliability.md R2).
std::optional<int64_t> checkedElementCount(const std::vector<int64_t>& dims);

/// numpy's broadcasting of two shapes; nothing where they do not fit.
std::optional<Shape> broadcast(const Shape& a, const Shape& b);

/// `axis` in [-rank, rank) as an index in [0, rank). Throws Error(input) outside.
size_t normalizedAxis(int64_t axis, size_t rank);

}  // namespace compress
