#include "lib/onnx/write_attribute.h"

#include "lib/onnx/type_proto.h"

namespace compress {
namespace {

using onnx::AttributeProto;

/// One overload per kind of data; `proto` holds what is carried of the attribute.
struct Emitter {
  AttributeProto& proto;
  const EmitTensor& emitTensor;
  const EmitBody& emitBody;

  void operator()(std::monostate) const {}
  void operator()(int64_t value) const {
    proto.set_type(AttributeProto::INT);
    proto.set_i(value);
  }
  void operator()(float value) const {
    proto.set_type(AttributeProto::FLOAT);
    proto.set_f(value);
  }
  void operator()(const std::string& value) const {
    proto.set_type(AttributeProto::STRING);
    proto.set_s(value);
  }
  void operator()(const Tensor& value) const {
    proto.set_type(AttributeProto::TENSOR);
    onnx::TensorProto rest = proto.t();
    *proto.mutable_t() = emitTensor(value, std::move(rest), TensorPlace::elsewhere);
  }
  void operator()(const Body& body) const {
    proto.set_type(AttributeProto::GRAPH);
    emitBody(body, *proto.mutable_g());
  }
  void operator()(const Type& type) const {
    proto.set_type(AttributeProto::TYPE_PROTO);
    if (!proto.has_tp() || typeOf(proto.tp()) != type) *proto.mutable_tp() = protoOf(type);
  }
  void operator()(const std::vector<int64_t>& values) const {
    proto.set_type(AttributeProto::INTS);
    proto.mutable_ints()->Add(values.begin(), values.end());
  }
  void operator()(const std::vector<float>& values) const {
    proto.set_type(AttributeProto::FLOATS);
    proto.mutable_floats()->Add(values.begin(), values.end());
  }
  void operator()(const std::vector<std::string>& values) const {
    proto.set_type(AttributeProto::STRINGS);
    for (const std::string& value : values) proto.add_strings(value);
  }
  void operator()(const std::vector<Tensor>& values) const {
    proto.set_type(AttributeProto::TENSORS);
    std::vector<onnx::TensorProto> rests(values.size());
    for (size_t i = 0; i < values.size() && i < static_cast<size_t>(proto.tensors_size()); ++i)
      rests[i].Swap(proto.mutable_tensors(static_cast<int>(i)));
    proto.clear_tensors();
    for (size_t i = 0; i < values.size(); ++i)
      *proto.add_tensors() = emitTensor(values[i], std::move(rests[i]), TensorPlace::elsewhere);
  }
  void operator()(const std::vector<Body>& bodies) const {
    proto.set_type(AttributeProto::GRAPHS);
    for (size_t i = 0; i < bodies.size(); ++i) proto.add_graphs();
    for (size_t i = 0; i < bodies.size(); ++i) emitBody(bodies[i], *proto.mutable_graphs(static_cast<int>(i)));
  }
  void operator()(const std::vector<Type>& types) const {
    proto.set_type(AttributeProto::TYPE_PROTOS);
    const auto rests = proto.type_protos();
    proto.clear_type_protos();
    for (size_t i = 0; i < types.size(); ++i) {
      const bool carried = i < static_cast<size_t>(rests.size()) && typeOf(rests[static_cast<int>(i)]) == types[i];
      *proto.add_type_protos() = carried ? rests[static_cast<int>(i)] : protoOf(types[i]);
    }
  }
};

}  // namespace

void emitAttribute(const Attribute& attribute, const EmitTensor& emitTensor, const EmitBody& emitBody,
                   onnx::NodeProto& node) {
  AttributeProto& proto = *node.add_attribute();
  if (!attribute.rest.empty()) proto = parsed<AttributeProto>(attribute.rest);
  proto.set_name(attribute.name);
  std::visit(Emitter{proto, emitTensor, emitBody}, attribute.data);
}

}  // namespace compress
