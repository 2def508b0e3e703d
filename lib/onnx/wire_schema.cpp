#include "lib/onnx/wire_schema.h"

#include <array>

#include "lib/ir/graph.h"
#include "lib/onnx/proto.h"

namespace compress {
namespace {

constexpr Field nested(Message message) {
  return {Storage::message, message, 0};
}
constexpr Field name() {
  return {Storage::name, Message::opaque, 0};
}
constexpr Field value() {
  return {Storage::value, Message::opaque, 0};
}
constexpr Field bytes() {
  return {Storage::text, Message::opaque, 0};
}
constexpr Field number() {
  return {Storage::number, Message::opaque, 0};
}
constexpr Field numbers(int32_t elementBytes) {
  return {Storage::numbers, Message::opaque, elementBytes};
}

Field modelField(int field) {
  switch (field) {
    case 1:
    case 5:
      return number();
    case 2:
    case 3:
    case 4:
    case 6:
      return bytes();
    case 7:
      return nested(Message::graph);
    case 8:
      return nested(Message::opset);
    case 14:
      return nested(Message::entry);
    case 20:
      return nested(Message::training);
    case 25:
      return nested(Message::function);
    default:
      return {};
  }
}

Field graphField(int field) {
  switch (field) {
    case 1:
      return nested(Message::node);
    case 2:
      return name();
    case 5:
      return nested(Message::tensor);
    case 10:
      return bytes();
    case 11:
    case 12:
    case 13:
      return nested(Message::valueInfo);
    case 14:
      return nested(Message::annotation);
    case 15:
      return nested(Message::sparseTensor);
    default:
      return {};
  }
}

Field nodeField(int field) {
  switch (field) {
    case 1:
    case 2:
      return value();
    case 3:
    case 4:
    case 7:
      return name();
    case 5:
      return nested(Message::attribute);
    case 6:
      return bytes();
    default:
      return {};
  }
}

Field attributeField(int field) {
  switch (field) {
    case 1:
    case 21:
      return name();
    case 2:
    case 3:
    case 20:
      return number();
    case 4:
    case 9:
    case 13:
      return bytes();
    case 5:
    case 10:
      return nested(Message::tensor);
    case 6:
    case 11:
      return nested(Message::graph);
    case 7:
      return numbers(4);
    case 8:
      return numbers(8);
    case 14:
    case 15:
      return nested(Message::type);
    case 22:
    case 23:
      return nested(Message::sparseTensor);
    default:
      return {};
  }
}

Field tensorField(int field) {
  switch (field) {
    case 1:
    case 7:
    case 10:
    case 11:
      return numbers(8);
    case 2:
    case 14:
      return number();
    case 3:
      return nested(Message::opaque);
    case 4:
    case 5:
      return numbers(4);
    case 6:
    case 9:
    case 12:
      return bytes();
    case 8:
      return name();
    case 13:
      return nested(Message::entry);
    default:
      return {};
  }
}

Field typeField(int field) {
  switch (field) {
    case 1:
    case 8:
      return nested(Message::typeTensor);
    case 4:
      return nested(Message::typeSequence);
    case 5:
      return nested(Message::typeMap);
    case 6:
      return bytes();
    case 7:
      return nested(Message::opaque);
    case 9:
      return nested(Message::typeOptional);
    default:
      return {};
  }
}

Field functionField(int field) {
  switch (field) {
    case 1:
    case 10:
      return name();
    case 4:
    case 5:
      return value();
    case 6:
      return name();
    case 7:
      return nested(Message::node);
    case 8:
      return bytes();
    case 9:
      return nested(Message::opset);
    case 11:
      return nested(Message::attribute);
    default:
      return {};
  }
}

/// Messages with a field or two.
Field smallField(Message message, int field) {
  switch (message) {
    case Message::sparseTensor:
      return field <= 2 ? nested(Message::tensor) : field == 3 ? numbers(8) : Field{};
    case Message::valueInfo:
      return field == 1 ? name() : field == 2 ? nested(Message::type) : field == 3 ? bytes() : Field{};
    case Message::typeTensor:
      return field == 1 ? number() : field == 2 ? nested(Message::shape) : Field{};
    case Message::typeSequence:
    case Message::typeOptional:
      return field == 1 ? nested(Message::type) : Field{};
    case Message::typeMap:
      return field == 1 ? number() : field == 2 ? nested(Message::type) : Field{};
    case Message::shape:
      return field == 1 ? nested(Message::dim) : Field{};
    case Message::dim:
      return field == 1 ? number() : field == 2 ? name() : field == 3 ? bytes() : Field{};
    case Message::entry:
      return field == 1 ? name() : field == 2 ? bytes() : Field{};
    case Message::annotation:
      return field == 1 ? name() : field == 2 ? nested(Message::entry) : Field{};
    case Message::opset:
      return field == 1 ? name() : field == 2 ? number() : Field{};
    case Message::training:
      return field <= 2 ? nested(Message::graph) : field <= 4 ? nested(Message::entry) : Field{};
    default:
      return {};
  }
}

struct Row {
  std::string_view name;
  size_t bytes;
};

/// An object on the heap, and its pointer in a list.
constexpr size_t kHeap = 24;

constexpr std::array<Row, 20> kRows = {{{"the model", sizeof(onnx::ModelProto)},
                                        {"a graph", sizeof(onnx::GraphProto) + sizeof(Graph)},
                                        {"a node", sizeof(onnx::NodeProto) + sizeof(Node) + kHeap},
                                        {"an attribute", sizeof(onnx::AttributeProto) + sizeof(Attribute)},
                                        {"a tensor", sizeof(onnx::TensorProto) + sizeof(Tensor) + sizeof(Value) + 200},
                                        {"a sparse tensor", sizeof(onnx::SparseTensorProto)},
                                        {"a value", sizeof(onnx::ValueInfoProto) + sizeof(Value) + 200},
                                        {"a type", sizeof(onnx::TypeProto) + sizeof(Type)},
                                        {"a tensor type", sizeof(onnx::TypeProto_Tensor)},
                                        {"a sequence type", sizeof(onnx::TypeProto_Sequence)},
                                        {"a map type", sizeof(onnx::TypeProto_Map)},
                                        {"an optional type", sizeof(onnx::TypeProto_Optional)},
                                        {"a shape", sizeof(onnx::TensorShapeProto)},
                                        {"a dimension", sizeof(onnx::TensorShapeProto_Dimension) + sizeof(Dim)},
                                        {"a key with its value", sizeof(onnx::StringStringEntryProto)},
                                        {"an annotation", sizeof(onnx::TensorAnnotation)},
                                        {"an opset import", sizeof(onnx::OperatorSetIdProto)},
                                        {"training info", sizeof(onnx::TrainingInfoProto)},
                                        {"a function", sizeof(onnx::FunctionProto)},
                                        {"a message", 64}}};

}  // namespace

std::string_view nameOf(Message message) {
  return kRows[static_cast<size_t>(message)].name;
}
int64_t objectBytes(Message message) {
  return static_cast<int64_t>(kRows[static_cast<size_t>(message)].bytes + kHeap);
}

Field fieldOf(Message message, int field) {
  switch (message) {
    case Message::model:
      return modelField(field);
    case Message::graph:
      return graphField(field);
    case Message::node:
      return nodeField(field);
    case Message::attribute:
      return attributeField(field);
    case Message::tensor:
      return tensorField(field);
    case Message::type:
      return typeField(field);
    case Message::function:
      return functionField(field);
    default:
      return smallField(message, field);
  }
}

}  // namespace compress
