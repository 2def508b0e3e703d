#include "lib/onnx/type_proto.h"

namespace compress {
namespace {

using onnx::TypeProto;

std::vector<Dim> dimsOf(const onnx::TensorShapeProto& shape) {
  std::vector<Dim> dims;
  for (const auto& dim : shape.dim()) {
    if (dim.has_dim_value() && dim.dim_value() >= 0)
      dims.push_back(Dim::of(dim.dim_value()));
    else
      dims.push_back({-1, dim.dim_param()});
  }
  return dims;
}

template <typename TensorMessage>
Type tensorType(Type::Kind kind, const TensorMessage& proto) {
  Type type{kind, static_cast<DType>(proto.elem_type()), std::nullopt, nullptr};
  if (proto.has_shape()) type.dims = dimsOf(proto.shape());
  return type;
}

Type levelOf(Type::Kind kind, DType dtype = DType::undefined) {
  return {kind, dtype, std::nullopt, nullptr};
}

/// The outermost level of `proto` and, where it has one, the type inside it.
std::pair<Type, const TypeProto*> outermost(const TypeProto& proto) {
  switch (proto.value_case()) {
    case TypeProto::kTensorType:
      return {tensorType(Type::Kind::tensor, proto.tensor_type()), nullptr};
    case TypeProto::kSparseTensorType:
      return {tensorType(Type::Kind::sparseTensor, proto.sparse_tensor_type()), nullptr};
    case TypeProto::kSequenceType: {
      const auto& sequence = proto.sequence_type();
      return {levelOf(Type::Kind::sequence), sequence.has_elem_type() ? &sequence.elem_type() : nullptr};
    }
    case TypeProto::kOptionalType: {
      const auto& optional = proto.optional_type();
      return {levelOf(Type::Kind::optional), optional.has_elem_type() ? &optional.elem_type() : nullptr};
    }
    case TypeProto::kMapType: {
      const auto& map = proto.map_type();
      return {levelOf(Type::Kind::map, static_cast<DType>(map.key_type())),
              map.has_value_type() ? &map.value_type() : nullptr};
    }
    default:
      return {};
  }
}

template <typename TensorMessage>
void setTensorType(const Type& type, TensorMessage& proto) {
  proto.set_elem_type(static_cast<int32_t>(type.dtype));
  if (!type.dims) return;
  auto& shape = *proto.mutable_shape();
  for (const Dim& dim : *type.dims) {
    auto& added = *shape.add_dim();
    if (dim.isKnown())
      added.set_dim_value(dim.value);
    else if (!dim.symbol.empty())
      added.set_dim_param(dim.symbol);
  }
}

}  // namespace

Type typeOf(const TypeProto& proto) {
  std::vector<Type> levels;
  for (const TypeProto* at = &proto; at != nullptr;) {
    auto [type, inner] = outermost(*at);
    levels.push_back(std::move(type));
    at = inner;
  }
  while (levels.size() > 1) {
    auto inner = std::make_shared<const Type>(std::move(levels.back()));
    levels.pop_back();
    levels.back().element = std::move(inner);
  }
  return std::move(levels.front());
}

TypeProto protoOf(const Type& type) {
  TypeProto proto;
  TypeProto* at = &proto;
  for (const Type* level = &type; level != nullptr; level = level->element.get()) {
    const bool hasElement = level->element != nullptr;
    switch (level->kind) {
      case Type::Kind::unknown:
        break;
      case Type::Kind::tensor:
        setTensorType(*level, *at->mutable_tensor_type());
        break;
      case Type::Kind::sparseTensor:
        setTensorType(*level, *at->mutable_sparse_tensor_type());
        break;
      case Type::Kind::sequence: {
        auto* sequence = at->mutable_sequence_type();
        if (hasElement) at = sequence->mutable_elem_type();
        break;
      }
      case Type::Kind::optional: {
        auto* optional = at->mutable_optional_type();
        if (hasElement) at = optional->mutable_elem_type();
        break;
      }
      case Type::Kind::map: {
        auto* map = at->mutable_map_type();
        map->set_key_type(static_cast<int32_t>(level->dtype));
        if (hasElement) at = map->mutable_value_type();
        break;
      }
    }
  }
  return proto;
}

onnx::ValueInfoProto restOf(onnx::ValueInfoProto declaration, const Type& type) {
  declaration.clear_name();
  if (!declaration.has_type()) return declaration;
  const bool contradicts = typeOf(declaration.type()) != type;
  const bool isSaidByOurs =
      type.kind != Type::Kind::unknown && serialized(declaration.type()) == serialized(protoOf(type));
  if (contradicts || isSaidByOurs) declaration.clear_type();
  return declaration;
}

onnx::ValueInfoProto declarationOf(const std::string& name, const Type& type, onnx::ValueInfoProto rest) {
  rest.set_name(name);
  if (rest.has_type() && typeOf(rest.type()) == type) return rest;
  if (type.kind == Type::Kind::unknown)
    rest.clear_type();
  else
    *rest.mutable_type() = protoOf(type);
  return rest;
}

}  // namespace compress
