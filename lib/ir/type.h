// What is known about a value before anything runs: its kind, element type and dimensions, each possibly unknown.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/ir/dtype.h"
#include "lib/ir/shape.h"

namespace compress {

/// A number, a symbol ("batch"), or neither: unknown.
struct Dim {
  int64_t value = -1;  ///< -1 when not a number
  std::string symbol;

  static Dim of(int64_t value) { return {value, {}}; }
  bool isKnown() const { return value >= 0; }
  bool operator==(const Dim&) const = default;
};

struct Type {
  enum class Kind { unknown, tensor, sparseTensor, sequence, optional, map };

  Kind kind = Kind::unknown;
  DType dtype = DType::undefined;        ///< of the elements; of the key for a map
  std::optional<std::vector<Dim>> dims;  ///< nothing: even the rank is unknown
  std::shared_ptr<const Type> element;   ///< of a sequence, optional or map

  static Type tensor(DType dtype) { return {Kind::tensor, dtype, std::nullopt, nullptr}; }
  static Type tensor(DType dtype, const Shape& shape);
  static Type tensor(DType dtype, std::vector<Dim> dims) { return {Kind::tensor, dtype, std::move(dims), nullptr}; }

  bool isTensor() const { return kind == Kind::tensor; }
  bool hasRank() const { return dims.has_value(); }
  size_t rank() const { return dims->size(); }
  /// The shape, when every dimension is a number.
  std::optional<Shape> shape() const;
  bool operator==(const Type& other) const;
};

/// "float32[N, 3, 32, 32]", "float32[...]" for unknown rank, "?" for an unknown dimension or type.
std::string print(const Type& type);

}  // namespace compress
