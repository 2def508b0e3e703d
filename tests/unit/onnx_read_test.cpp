// From the schema's form to ours: captures, declarations, carried parts, typed data.
#include "lib/onnx/read.h"

#include <catch2/catch.hpp>

#include "lib/ir/print.h"
#include "lib/onnx/write.h"
#include "tests/support/errors.h"
#include "tests/support/onnx_proto.h"
#include "tests/support/wire.h"

using namespace compress;
using Catch::Matchers::Contains;

namespace {

ReadResult readBack(const onnx::ModelProto& model) {
  return parseModel(model.SerializeAsString());
}

onnx::ModelProto rewritten(const onnx::ModelProto& model) {
  onnx::ModelProto written;
  REQUIRE(written.ParseFromString(serializeModel(readBack(model).model)));
  return written;
}

onnx::ValueInfoProto condition() {
  auto value = test::floatValue("c", {});
  value.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::BOOL);
  return value;
}

/// y = If(c) { Relu(a) } else { b }, where a and b are computed outside.
onnx::ModelProto capturingIf() {
  auto model = test::emptyModel();
  auto& graph = *model.mutable_graph();
  *graph.add_input() = condition();
  test::addNode(graph, "Neg", {"x"}, {"a"});
  test::addNode(graph, "Abs", {"x"}, {"b"});
  auto& node = test::addNode(graph, "If", {"c"}, {"y"}, "if1");
  auto& yes = test::addBody(node, "then_branch");
  test::addNode(yes, "Relu", {"a"}, {"t"});
  *yes.add_output() = test::floatValue("t", {1, 2});
  auto& no = test::addBody(node, "else_branch");
  *no.add_output() = test::floatValue("b", {1, 2});
  return model;
}

}  // namespace

TEST_CASE("captures of bodies become inputs of their node, and go back", "[onnx]") {
  const auto proto = capturingIf();
  const Model model = readBack(proto).model;
  CHECK(print(model.graph) == R"(a = Neg(x)
b = Abs(x)
y = If[then_branch=graph 'then_branch', else_branch=graph 'else_branch'](c, a, b) captures 2
  then_branch:
    t = Relu(a)
  else_branch:
)");
  const Body yes = model.graph.node(model.graph.findNode("if1")).attributes.body("then_branch");
  REQUIRE(yes->inputs().size() == 2);
  const auto written = rewritten(proto);
  CHECK(written.graph().node(2).input_size() == 1);
  CHECK(written.graph().node(2).attribute(0).g().input_size() == 0);
  CHECK(written.graph().node(2).attribute(1).g().output(0).name() == "b");
}

TEST_CASE("a body follows an edit outside of it", "[onnx]") {
  Model model = readBack(capturingIf()).model;
  const ValueId a = model.graph.findValue("a");
  model.graph.replaceUses(a, model.graph.findValue("x"));
  onnx::ModelProto written;
  REQUIRE(written.ParseFromString(serializeModel(model)));
  CHECK(written.graph().node(2).attribute(0).g().node(0).input(0) == "x");
}

TEST_CASE("a local name of a body gives way to one that can be seen outside", "[onnx]") {
  Model model = readBack(capturingIf()).model;
  model.graph.rename(model.graph.findValue("a"), "t");
  const std::string bytes = serializeModel(model);
  const Model again = parseModel(bytes).model;
  CHECK_THAT(print(again.graph), Contains("t_1 = Relu(t)"));
}

TEST_CASE("a body of a body captures through both", "[onnx]") {
  const Model model = readBack(test::nestedIfs(3)).model;
  CHECK(model.graph.node(model.graph.nodes().front()).captureCount == 2);
  CHECK(print(parseModel(serializeModel(model)).model) == print(model));
}

TEST_CASE("a name in a body may repeat one that is computed later outside", "[onnx]") {
  auto proto = capturingIf();
  auto& body = *proto.mutable_graph()->mutable_node(2)->mutable_attribute(0)->mutable_g();
  body.mutable_node(0)->set_output(0, "y");
  body.mutable_output(0)->set_name("y");
  CHECK(rewritten(proto).graph().node(2).attribute(0).g().output(0).name() == "y");
}

TEST_CASE("IR 3 lists initializers as inputs, they are no runtime inputs", "[onnx]") {
  auto proto = test::smallModel();
  proto.set_ir_version(3);
  *proto.mutable_graph()->add_input() = test::floatValue("w", {1, 2});
  const Model model = readBack(proto).model;
  CHECK(model.graph.inputs().size() == 2);
  CHECK(model.graph.runtimeInputs().size() == 1);
  CHECK(rewritten(proto).graph().input_size() == 2);
}

TEST_CASE("value_info gives types, also to values that nothing defines", "[onnx]") {
  auto proto = test::smallModel();
  test::addNode(*proto.mutable_graph(), "Relu", {"y"}, {"z"});
  *proto.mutable_graph()->add_value_info() = test::floatValue("z", {1, 2});
  *proto.mutable_graph()->add_value_info() = test::floatValue("stale", {5});
  *proto.mutable_graph()->add_value_info() = test::floatValue("y", {1, 2});
  const Model model = readBack(proto).model;
  CHECK(print(model.graph.value(model.graph.findValue("z")).type) == "float32[1, 2]");
  CHECK(rewritten(proto).graph().value_info_size() == 3);
}

TEST_CASE("a declaration that is carried gives way to a changed type", "[onnx]") {
  auto proto = test::smallModel();
  proto.mutable_graph()->mutable_input(0)->mutable_type()->set_denotation("IMAGE");
  proto.mutable_graph()->mutable_input(0)->set_doc_string("the picture");
  Model model = readBack(proto).model;
  onnx::ModelProto written;
  REQUIRE(written.ParseFromString(serializeModel(model)));
  CHECK(written.graph().input(0).type().denotation() == "IMAGE");
  model.graph.setType(model.graph.findValue("x"), Type::tensor(DType::f32, Shape{4, 2}));
  REQUIRE(written.ParseFromString(serializeModel(model)));
  CHECK(written.graph().input(0).type().tensor_type().shape().dim(0).dim_value() == 4);
  CHECK(written.graph().input(0).doc_string() == "the picture");
}

TEST_CASE("what is not modelled is carried at every level", "[onnx]") {
  auto proto = test::smallModel();
  const auto unknown = [](auto& message) {
    message.GetReflection()->MutableUnknownFields(&message)->AddLengthDelimited(99, "kept");
  };
  auto& graph = *proto.mutable_graph();
  unknown(proto);
  unknown(graph);
  unknown(*graph.mutable_node(0));
  unknown(*graph.mutable_initializer(0));
  unknown(*graph.mutable_input(0));
  unknown(*graph.mutable_output(0));
  unknown(test::addInt(*graph.mutable_node(0), "axis", 3));
  proto.set_producer_name("a producer");
  graph.mutable_node(0)->set_doc_string("adds");
  auto& annotation = *graph.add_quantization_annotation();
  annotation.set_tensor_name("w");
  auto& function = *proto.add_functions();
  function.set_name("f");
  function.set_domain("local");
  function.add_opset_import()->set_version(17);
  proto.add_training_info()->mutable_algorithm()->set_name("train");
  const std::string written = rewritten(proto).SerializeAsString();
  size_t kept = 0;
  for (size_t at = written.find("kept"); at != std::string::npos; at = written.find("kept", at + 1)) ++kept;
  CHECK(kept == 7);
  const auto message = rewritten(proto);
  CHECK(message.functions(0).SerializeAsString() == function.SerializeAsString());
  CHECK(message.training_info(0).algorithm().name() == "train");
  CHECK(message.producer_name() == "a producer");
  CHECK(message.graph().quantization_annotation(0).tensor_name() == "w");
  CHECK(message.graph().node(0).doc_string() == "adds");
}

TEST_CASE("the overload of a node is read although the packaged schema lacks it", "[onnx]") {
  auto proto = test::smallModel();
  auto& node = *proto.mutable_graph()->mutable_node(0);
  node.GetReflection()->MutableUnknownFields(&node)->AddLengthDelimited(8, "v2");
  const Model model = readBack(proto).model;
  CHECK(model.graph.node(model.graph.nodes().front()).overload == "v2");
  CHECK_THAT(rewritten(proto).SerializeAsString(), Contains(test::bytesField(8, "v2")));
}

TEST_CASE("a sparse initializer is carried, and defines its name", "[onnx]") {
  auto proto = test::smallModel();
  auto& graph = *proto.mutable_graph();
  graph.clear_initializer();
  auto& sparse = *graph.add_sparse_initializer();
  *sparse.mutable_values() = test::floatTensor("w", {1}, {3});
  *sparse.mutable_indices() = test::floatTensor("", {1}, {});
  sparse.add_dims(1);
  sparse.add_dims(2);
  CHECK(rewritten(proto).graph().sparse_initializer(0).SerializeAsString() == sparse.SerializeAsString());
}

TEST_CASE("\"ai.onnx\" is the default domain", "[onnx]") {
  auto proto = test::smallModel();
  proto.mutable_opset_import(0)->set_domain("ai.onnx");
  proto.mutable_graph()->mutable_node(0)->set_domain("ai.onnx");
  const Model model = readBack(proto).model;
  CHECK(model.opsets.version("") == 17);
  CHECK(model.graph.node(model.graph.nodes().front()).is("Add"));
}

TEST_CASE("IR 2 has no opset_import: opset 1, and it stays unwritten", "[onnx]") {
  auto proto = test::smallModel();
  proto.set_ir_version(2);
  proto.clear_opset_import();
  CHECK(readBack(proto).model.opsets.version("") == 1);
  CHECK(rewritten(proto).opset_import_size() == 0);
}

TEST_CASE("nodes out of order are sorted, with a warning", "[onnx]") {
  auto proto = test::emptyModel();
  test::addNode(*proto.mutable_graph(), "Relu", {"a"}, {"y"});
  test::addNode(*proto.mutable_graph(), "Neg", {"x"}, {"a"});
  const auto result = readBack(proto);
  REQUIRE(result.warnings.size() == 1);
  CHECK_THAT(result.warnings[0], Contains("topological order"));
  CHECK(rewritten(proto).graph().node(0).op_type() == "Neg");
}

TEST_CASE("node names may be missing or the same", "[onnx]") {
  auto proto = test::emptyModel();
  test::addNode(*proto.mutable_graph(), "Relu", {"x"}, {"a"}, "same");
  test::addNode(*proto.mutable_graph(), "Relu", {"a"}, {"b"}, "same");
  test::addNode(*proto.mutable_graph(), "Relu", {"b"}, {"y"});
  const auto written = rewritten(proto);
  CHECK(written.graph().node(1).name() == "same");
  CHECK_FALSE(written.graph().node(2).has_name());
}

TEST_CASE("absent optional inputs and outputs stay absent", "[onnx]") {
  auto proto = test::emptyModel();
  test::addNode(*proto.mutable_graph(), "Clip", {"x", "", "x"}, {"y", ""});
  const auto written = rewritten(proto);
  CHECK(written.graph().node(0).input(1).empty());
  CHECK(written.graph().node(0).output_size() == 2);
}

TEST_CASE("odd names are kept as they are", "[onnx]") {
  const std::string names[] = {"\x1b]0;owned\x07",
                               "<script>",
                               "::error::",
                               "=cmd",
                               std::string(60'000, 'n'),
                               "bad utf-8 \xff",
                               std::string("nul\0inside", 10),
                               "\u202e rtl"};
  for (const std::string& name : names) {
    auto proto = test::emptyModel();
    test::addNode(*proto.mutable_graph(), "Relu", {"x"}, {name}, name);
    test::addNode(*proto.mutable_graph(), "Relu", {name}, {"y"});
    CHECK(rewritten(proto).graph().node(0).output(0) == name);
  }
}

TEST_CASE("an attribute without a type has that of its field", "[onnx]") {
  auto proto = test::smallModel();
  test::addInt(*proto.mutable_graph()->mutable_node(0), "axis", 3).clear_type();
  const Model model = readBack(proto).model;
  CHECK(model.graph.node(model.graph.nodes().front()).attributes.integer("axis", 0) == 3);
}

TEST_CASE("a value that is declared in two ways has the first, with a warning", "[onnx]") {
  auto proto = test::smallModel();
  *proto.mutable_graph()->add_value_info() = test::floatValue("x", {7, 7});
  const auto result = readBack(proto);
  REQUIRE(result.warnings.size() == 1);
  CHECK_THAT(result.warnings[0], Contains("'x' is declared as float32[1, 2] and as float32[7, 7]"));
  CHECK(print(parseModel(serializeModel(result.model)).model) == print(result.model));
}
