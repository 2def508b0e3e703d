// Tensor: immutable, cheap to copy. Buffer: move-only, written once and frozen into a Tensor.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/ir/dtype.h"
#include "lib/ir/shape.h"

namespace compress {

class Tensor {
 public:
  /// No tensor: what an absent optional input is. dtype() is undefined.
  Tensor() = default;
  /// `bytes` is little-endian, C order, sub-byte types packed low bits first. Throws Error(input) on a wrong size.
  Tensor(DType dtype, Shape shape, Bytes bytes);
  Tensor(Shape shape, std::vector<std::string> strings);

  /// A value that is no tensor: a sequence, or an optional of at most one element. `kind` is what dtype() says, the
  /// shape is the number of elements.
  static Tensor listOf(DType kind, std::vector<Tensor> elements);

  template <typename T>
  static Tensor of(Shape shape, std::span<const T> values);
  template <typename T>
  static Tensor scalar(T value) {
    return of<T>(Shape{}, std::span<const T>(&value, 1));
  }
  static Tensor ofInts(const std::vector<int64_t>& values);

  explicit operator bool() const { return dtype_ != DType::undefined; }
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t elementCount() const { return shape_.elementCount(); }
  const Bytes& bytes() const { return bytes_; }
  std::span<const std::byte> raw() const { return bytes_.view(); }
  /// Throws Error(bug) when T is not the stored type.
  template <typename T>
  std::span<const T> as() const;
  const std::vector<std::string>& strings() const { return *strings_; }
  bool isList() const { return dtype_ == DType::sequence || dtype_ == DType::optional; }
  const std::vector<Tensor>& elements() const { return *elements_; }
  /// The same elements in another shape. Throws Error(input) when the counts differ.
  Tensor reshaped(Shape shape) const;

 private:
  void requireType(DType wanted) const;

  DType dtype_ = DType::undefined;
  Shape shape_;
  Bytes bytes_;
  std::shared_ptr<const std::vector<std::string>> strings_;
  std::shared_ptr<const std::vector<Tensor>> elements_;
};

class Buffer {
 public:
  Buffer() = default;
  /// Zero-initialised.
  Buffer(DType dtype, Shape shape);
  Buffer(Buffer&&) = default;
  Buffer& operator=(Buffer&&) = default;

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t elementCount() const { return shape_.elementCount(); }
  std::span<std::byte> raw() { return {block_->data(), block_->size()}; }
  std::span<const std::byte> raw() const { return {block_->data(), block_->size()}; }
  /// Throws Error(bug) when T is not the stored type.
  template <typename T>
  std::span<T> as();
  template <typename T>
  std::span<const T> as() const {
    return const_cast<Buffer*>(this)->as<T>();
  }
  /// For DType::string only.
  std::vector<std::string>& strings() { return strings_; }
  /// For DType::sequence and DType::optional only.
  std::vector<Tensor>& elements() { return elements_; }
  Tensor freeze() &&;
  /// A Tensor of a copy of the present content.
  Tensor snapshot() const;

 private:
  void requireType(DType wanted) const;

  DType dtype_ = DType::undefined;
  Shape shape_;
  std::optional<AlignedBytes> block_;
  std::vector<std::string> strings_;
  std::vector<Tensor> elements_;
};

template <typename T>
std::span<const T> Tensor::as() const {
  requireType(dtypeOf<T>());
  return {reinterpret_cast<const T*>(raw().data()), static_cast<size_t>(elementCount())};
}

template <typename T>
std::span<T> Buffer::as() {
  requireType(dtypeOf<T>());
  return {reinterpret_cast<T*>(block_->data()), static_cast<size_t>(elementCount())};
}

template <typename T>
Tensor Tensor::of(Shape shape, std::span<const T> values) {
  Buffer buffer(dtypeOf<T>(), std::move(shape));
  const auto to = buffer.as<T>();
  for (size_t i = 0; i < to.size(); ++i) to[i] = values[i];
  return std::move(buffer).freeze();
}

/// Elements of an integer tensor of any integer type (bool too) as int64. Throws Error(input) for other types.
std::vector<int64_t> toInts(const Tensor& tensor);
/// Elements of any numeric type, f16, bf16 and bool too, as double. Throws Error(input) for other types.
std::vector<double> toDoubles(const Tensor& tensor);
/// Elements of any numeric type as float.
std::vector<float> toFloats(const Tensor& tensor);
/// Same dtype, shape and bytes.
bool equal(const Tensor& a, const Tensor& b);

}  // namespace compress
