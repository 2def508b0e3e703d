#include "lib/ir/type.h"

#include "lib/base/text.h"

namespace compress {

Type Type::tensor(DType dtype, const Shape& shape) {
  std::vector<Dim> dims;
  for (const int64_t dim : shape.dims()) dims.push_back(Dim::of(dim));
  return tensor(dtype, std::move(dims));
}

std::optional<Shape> Type::shape() const {
  if (!dims) return std::nullopt;
  std::vector<int64_t> numbers;
  for (const Dim& dim : *dims) {
    if (!dim.isKnown()) return std::nullopt;
    numbers.push_back(dim.value);
  }
  return Shape(std::move(numbers));
}

bool Type::operator==(const Type& other) const {
  if (kind != other.kind || dtype != other.dtype || dims != other.dims) return false;
  return element && other.element ? *element == *other.element : element == other.element;
}

std::string print(const Type& type) {
  const std::string inner = type.element ? print(*type.element) : "?";
  switch (type.kind) {
    case Type::Kind::unknown:
      return "?";
    case Type::Kind::sequence:
      return text("sequence(", inner, ")");
    case Type::Kind::optional:
      return text("optional(", inner, ")");
    case Type::Kind::map:
      return text("map(", nameOf(type.dtype), ", ", inner, ")");
    default:
      break;
  }
  std::string out = text(type.kind == Type::Kind::sparseTensor ? "sparse " : "", nameOf(type.dtype), "[");
  if (!type.dims) return out + "...]";
  for (size_t i = 0; i < type.dims->size(); ++i) {
    const Dim& dim = (*type.dims)[i];
    out += i == 0 ? "" : ", ";
    out += dim.isKnown() ? text(dim.value) : dim.symbol.empty() ? "?" : displayName(dim.symbol);
  }
  return out + "]";
}

}  // namespace compress
