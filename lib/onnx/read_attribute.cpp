#include "lib/onnx/read_attribute.h"

#include "lib/onnx/type_proto.h"

namespace compress {
namespace {

using onnx::AttributeProto;

/// Old files leave the type out: it is that of the field that is set.
AttributeProto::AttributeType kindOf(const AttributeProto& proto) {
  if (proto.type() != AttributeProto::UNDEFINED) return proto.type();
  if (proto.has_f()) return AttributeProto::FLOAT;
  if (proto.has_i()) return AttributeProto::INT;
  if (proto.has_s()) return AttributeProto::STRING;
  if (proto.has_t()) return AttributeProto::TENSOR;
  if (proto.has_g()) return AttributeProto::GRAPH;
  if (proto.has_tp()) return AttributeProto::TYPE_PROTO;
  if (proto.floats_size() > 0) return AttributeProto::FLOATS;
  if (proto.ints_size() > 0) return AttributeProto::INTS;
  if (proto.strings_size() > 0) return AttributeProto::STRINGS;
  if (proto.tensors_size() > 0) return AttributeProto::TENSORS;
  if (proto.graphs_size() > 0) return AttributeProto::GRAPHS;
  if (proto.type_protos_size() > 0) return AttributeProto::TYPE_PROTOS;
  return AttributeProto::UNDEFINED;
}

template <typename Field>
auto listOf(const Field& field) {
  return std::vector<typename Field::value_type>(field.begin(), field.end());
}

/// The types of `protos`; those that ours say in full are emptied, so that an index still finds the rest of the others.
std::vector<Type> takeTypes(google::protobuf::RepeatedPtrField<onnx::TypeProto>& protos) {
  std::vector<Type> types;
  bool carry = false;
  for (onnx::TypeProto& proto : protos) {
    types.push_back(typeOf(proto));
    if (serialized(proto) == serialized(protoOf(types.back())))
      proto.Clear();
    else
      carry = true;
  }
  if (!carry) protos.Clear();
  return types;
}

std::vector<Tensor> takeTensors(google::protobuf::RepeatedPtrField<onnx::TensorProto>& protos,
                                const TakeTensor& takeTensor) {
  std::vector<Tensor> tensors;
  for (onnx::TensorProto& proto : protos) {
    std::string name = proto.name();
    tensors.push_back(takeTensor(proto));
    if (!name.empty()) proto.set_name(std::move(name));
  }
  return tensors;
}

/// A tensor in an attribute keeps its name in the rest: nothing else holds it.
Tensor takeNamed(AttributeProto& proto, const TakeTensor& takeTensor) {
  std::string name = proto.t().name();
  Tensor tensor = takeTensor(*proto.mutable_t());
  if (!name.empty()) proto.mutable_t()->set_name(std::move(name));
  if (proto.t().ByteSizeLong() == 0) proto.clear_t();
  return tensor;
}

AttributeData takeData(AttributeProto& proto, const TakeTensor& takeTensor, const TakeBody& takeBody) {
  AttributeData data = std::monostate{};
  if (!proto.ref_attr_name().empty()) return data;
  switch (kindOf(proto)) {
    case AttributeProto::FLOAT:
      data = proto.f();
      proto.clear_f();
      break;
    case AttributeProto::INT:
      data = static_cast<int64_t>(proto.i());
      proto.clear_i();
      break;
    case AttributeProto::STRING:
      data = std::move(*proto.mutable_s());
      proto.clear_s();
      break;
    case AttributeProto::TENSOR:
      data = takeNamed(proto, takeTensor);
      break;
    case AttributeProto::GRAPH:
      data = takeBody(proto.g());
      proto.clear_g();
      break;
    case AttributeProto::TYPE_PROTO:
      data = typeOf(proto.tp());
      if (serialized(proto.tp()) == serialized(protoOf(std::get<Type>(data)))) proto.clear_tp();
      break;
    case AttributeProto::FLOATS:
      data = listOf(proto.floats());
      proto.clear_floats();
      break;
    case AttributeProto::INTS:
      data = std::vector<int64_t>(proto.ints().begin(), proto.ints().end());
      proto.clear_ints();
      break;
    case AttributeProto::STRINGS:
      data = listOf(proto.strings());
      proto.clear_strings();
      break;
    case AttributeProto::TENSORS:
      data = takeTensors(*proto.mutable_tensors(), takeTensor);
      break;
    case AttributeProto::TYPE_PROTOS:
      data = takeTypes(*proto.mutable_type_protos());
      break;
    case AttributeProto::GRAPHS: {
      std::vector<Body> bodies;
      for (const onnx::GraphProto& graph : proto.graphs()) bodies.push_back(takeBody(graph));
      data = std::move(bodies);
      proto.clear_graphs();
      break;
    }
    default:
      return data;
  }
  proto.clear_type();
  return data;
}

/// A list of tensors without anything to carry needs no entry each.
void dropEmptyTensors(AttributeProto& proto) {
  for (const onnx::TensorProto& tensor : proto.tensors())
    if (tensor.ByteSizeLong() != 0) return;
  proto.clear_tensors();
}

}  // namespace

Attribute takeAttribute(AttributeProto& proto, const TakeTensor& takeTensor, const TakeBody& takeBody) {
  Attribute attribute;
  attribute.name = std::move(*proto.mutable_name());
  proto.clear_name();
  attribute.reference = proto.ref_attr_name();
  attribute.data = within([&] { return text("attribute ", inQuotes(attribute.name)); },
                          [&] { return takeData(proto, takeTensor, takeBody); });
  dropEmptyTensors(proto);
  attribute.rest = serialized(proto);
  return attribute;
}

}  // namespace compress
