#include "tests/support/onnx_proto.h"

namespace compress::test {

onnx::ValueInfoProto floatValue(const std::string& name, std::initializer_list<int64_t> dims) {
  onnx::ValueInfoProto value;
  value.set_name(name);
  auto& tensor = *value.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(onnx::TensorProto::FLOAT);
  tensor.mutable_shape();
  for (const int64_t dim : dims) tensor.mutable_shape()->add_dim()->set_dim_value(dim);
  return value;
}

onnx::ModelProto emptyModel() {
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(17);
  model.mutable_graph()->set_name("g");
  *model.mutable_graph()->add_input() = floatValue("x", {1, 2});
  *model.mutable_graph()->add_output() = floatValue("y", {1, 2});
  return model;
}

onnx::ModelProto smallModel() {
  auto model = emptyModel();
  addNode(*model.mutable_graph(), "Add", {"x", "w"}, {"y"}, "add1");
  *model.mutable_graph()->add_initializer() = floatTensor("w", {1, 2}, {1, 2});
  return model;
}

onnx::NodeProto& addNode(onnx::GraphProto& graph, const std::string& op, std::initializer_list<std::string> inputs,
                         std::initializer_list<std::string> outputs, const std::string& name) {
  auto& node = *graph.add_node();
  node.set_op_type(op);
  for (const auto& input : inputs) node.add_input(input);
  for (const auto& output : outputs) node.add_output(output);
  if (!name.empty()) node.set_name(name);
  return node;
}

onnx::AttributeProto& addInt(onnx::NodeProto& node, const std::string& name, int64_t value) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(value);
  return attribute;
}

onnx::GraphProto& addBody(onnx::NodeProto& node, const std::string& name) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::GRAPH);
  attribute.mutable_g()->set_name(name);
  return *attribute.mutable_g();
}

onnx::TensorProto floatTensor(const std::string& name, std::initializer_list<int64_t> dims,
                              std::initializer_list<float> values) {
  onnx::TensorProto tensor;
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  for (const int64_t dim : dims) tensor.add_dims(dim);
  for (const float value : values) tensor.add_float_data(value);
  return tensor;
}

onnx::ModelProto nestedIfs(int depth) {
  auto model = emptyModel();
  auto& condition = *model.mutable_graph()->add_input();
  condition = floatValue("c", {});
  condition.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::BOOL);
  onnx::GraphProto* graph = model.mutable_graph();
  for (int i = 0; i < depth; ++i) {
    auto& node = addNode(*graph, "If", {"c"}, {i == 0 ? "y" : "y" + std::to_string(i)});
    auto& other = addBody(node, "else_branch");
    addNode(other, "Identity", {"x"}, {"e" + std::to_string(i)});
    *other.add_output() = floatValue("e" + std::to_string(i), {1, 2});
    graph = &addBody(node, "then_branch");
    *graph->add_output() = floatValue("y" + std::to_string(i + 1), {1, 2});
  }
  addNode(*graph, "Identity", {"x"}, {depth == 0 ? "y" : "y" + std::to_string(depth)});
  return model;
}

}  // namespace compress::test
