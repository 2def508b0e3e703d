// Structure of hostile models: each refused with what is wrong, where, before anything is built of it.
#include <catch2/catch.hpp>

#include "lib/onnx/read.h"
#include "tests/support/errors.h"
#include "tests/support/onnx_proto.h"

using namespace compress;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

std::string refusal(const onnx::ModelProto& model) {
  return test::outcomeOf([&] { return parseModel(model.SerializeAsString()); });
}

#define CHECK_REFUSED(model, part) CHECK_THAT(refusal(model), StartsWith("3: ") && Contains(part))

onnx::FunctionProto& addFunction(onnx::ModelProto& model, const std::string& name) {
  auto& function = *model.add_functions();
  function.set_name(name);
  function.set_domain("local");
  function.add_opset_import()->set_version(17);
  auto& import = *function.add_opset_import();
  import.set_domain("local");
  import.set_version(1);
  function.add_input("a");
  function.add_output("b");
  return function;
}

onnx::NodeProto& call(onnx::FunctionProto& function, const std::string& callee, const std::string& output = "b") {
  auto& node = *function.add_node();
  node.set_op_type(callee);
  node.set_domain("local");
  node.add_input("a");
  node.add_output(output);
  return node;
}

/// `count` Relus, each reading the one before; the first reads the last.
onnx::ModelProto ring(int count) {
  auto model = test::smallModel();
  for (int i = 0; i < count; ++i)
    test::addNode(*model.mutable_graph(), "Relu", {"r" + std::to_string((i + count - 1) % count)},
                  {"r" + std::to_string(i)}, "n" + std::to_string(i));
  return model;
}

}  // namespace

TEST_CASE("ir_version must be there, a newer one is a warning", "[onnx][hostile]") {
  auto model = test::smallModel();
  for (int version = 3; version <= 14; ++version) {
    model.set_ir_version(version);
    CHECK(parseModel(model.SerializeAsString()).warnings.empty());
  }
  model.set_ir_version(15);
  const auto result = parseModel(model.SerializeAsString());
  REQUIRE(result.warnings.size() == 1);
  CHECK_THAT(result.warnings[0], Contains("ir_version 15 is newer than 14"));
  model.set_ir_version(0);
  CHECK_REFUSED(model, "ir_version is 0");
  model.clear_ir_version();
  CHECK_REFUSED(model, "ir_version is missing");
  model.set_ir_version(-1);
  CHECK_REFUSED(model, "ir_version is -1");
}

TEST_CASE("opset imports: there, once each, with a version", "[onnx][hostile]") {
  auto model = test::smallModel();
  model.add_opset_import()->set_version(16);
  CHECK_REFUSED(model, "imported twice");
  model.clear_opset_import();
  CHECK_REFUSED(model, "opset_import is missing");
  model.add_opset_import()->set_version(0);
  CHECK_REFUSED(model, "version 0");
  model.clear_opset_import();
  model.add_opset_import()->set_version(17);
  model.mutable_graph()->mutable_node(0)->set_domain("com.example");
  CHECK_REFUSED(model, "domain 'com.example' is not in opset_import");
}

TEST_CASE("unknown domains, ops and opsets are read", "[onnx][hostile]") {
  auto model = test::smallModel();
  auto& import = *model.add_opset_import();
  import.set_domain("com.example");
  import.set_version(1);
  model.mutable_opset_import(0)->set_version(999);
  model.mutable_graph()->mutable_node(0)->set_domain("com.example");
  model.mutable_graph()->mutable_node(0)->set_op_type("Nonsense");
  CHECK(refusal(model) == "nothing");
}

TEST_CASE("a model without graph, and an empty graph", "[onnx][hostile]") {
  auto model = test::smallModel();
  model.clear_graph();
  CHECK_REFUSED(model, "no graph");
  model.mutable_graph();
  CHECK_REFUSED(model, "neither nodes nor outputs");
}

TEST_CASE("a value that is defined twice", "[onnx][hostile]") {
  auto model = test::smallModel();
  test::addNode(*model.mutable_graph(), "Relu", {"x"}, {"y"}, "relu1");
  CHECK_REFUSED(model, "value 'y' is defined twice: by node 'add1' (Add) and by node 'relu1' (Relu)");
  model = test::smallModel();
  model.mutable_graph()->mutable_node(0)->set_output(0, "x");
  CHECK_REFUSED(model, "value 'x' is defined twice");
  model = test::smallModel();
  *model.mutable_graph()->add_initializer() = test::floatTensor("w", {1}, {0});
  CHECK_REFUSED(model, "initializer 'w' is defined twice");
  model = test::smallModel();
  *model.mutable_graph()->add_input() = test::floatValue("x", {1});
  CHECK_REFUSED(model, "value 'x' is listed twice");
  model = test::smallModel();
  *model.mutable_graph()->add_initializer() = test::floatTensor("y", {1}, {0});
  CHECK_REFUSED(model, "value 'y' is defined twice");
}

TEST_CASE("a value that nothing defines", "[onnx][hostile]") {
  auto model = test::smallModel();
  model.mutable_graph()->mutable_node(0)->set_input(1, "gone");
  CHECK_REFUSED(model, "node 'add1' (Add): input 1 'gone' is computed by no node");
  model = test::smallModel();
  model.mutable_graph()->mutable_output(0)->set_name("gone");
  CHECK_REFUSED(model, "output 'gone' is computed by no node");
  model = test::nestedIfs(2);
  model.mutable_graph()->mutable_node(0)->mutable_attribute(0)->mutable_g()->mutable_node(0)->set_input(0, "gone");
  CHECK_REFUSED(model, "subgraph 'else_branch' of node without name (If)");
}

TEST_CASE("a body that hides a name from outside", "[onnx][hostile]") {
  auto model = test::nestedIfs(1);
  auto& body = *model.mutable_graph()->mutable_node(0)->mutable_attribute(0)->mutable_g();
  body.mutable_node(0)->set_output(0, "x");
  CHECK_REFUSED(model, "hides the value of that name outside");
}

TEST_CASE("inputs without name, type or element type", "[onnx][hostile]") {
  auto model = test::smallModel();
  model.mutable_graph()->mutable_input(0)->clear_type();
  CHECK_REFUSED(model, "graph input 'x' has no type");
  model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type();
  CHECK_REFUSED(model, "graph input 'x' has no element type");
  model.mutable_graph()->mutable_input(0)->clear_name();
  CHECK_REFUSED(model, "input has no name");
}

TEST_CASE("attributes: one name, one kind of data, the kind that they say", "[onnx][hostile]") {
  auto model = test::smallModel();
  auto& node = *model.mutable_graph()->mutable_node(0);
  test::addInt(node, "axis", 1).set_f(2);
  CHECK_REFUSED(model, "attribute 'axis' has data in 2 fields");
  node.clear_attribute();
  test::addInt(node, "axis", 1).set_type(onnx::AttributeProto::FLOAT);
  CHECK_REFUSED(model, "attribute 'axis' has the type FLOAT but data of type INT");
  node.clear_attribute();
  test::addInt(node, "axis", 1);
  test::addInt(node, "axis", 2);
  CHECK_REFUSED(model, "attribute 'axis' is given twice");
  node.clear_attribute();
  test::addInt(node, "", 1);
  CHECK_REFUSED(model, "attribute has no name");
  node.clear_attribute();
  auto& body = *node.add_attribute();
  body.set_name("body");
  body.set_type(onnx::AttributeProto::GRAPH);
  CHECK_REFUSED(model, "attribute 'body' has the type GRAPH but no data");
  body.set_ref_attr_name("outer");
  CHECK_REFUSED(model, "refers to a parameter of a function");
  node.clear_attribute();
  node.clear_op_type();
  CHECK_REFUSED(model, "no op type");
}

TEST_CASE("cycles are refused, the shortest is shown", "[onnx][hostile]") {
  CHECK_REFUSED(ring(1), "cycle: 'n0' -> 'n0'");
  CHECK_REFUSED(ring(2), "cycle: 'n0' -> 'n1' -> 'n0'");
  CHECK_REFUSED(ring(10'000), "more -> 'n0'");
  auto model = ring(100);
  test::addNode(*model.mutable_graph(), "Add", {"r7", "q"}, {"p"}, "short1");
  test::addNode(*model.mutable_graph(), "Relu", {"p"}, {"q"}, "short2");
  CHECK_REFUSED(model, "cycle: 'short1' -> 'short2' -> 'short1'");
}

TEST_CASE("a cycle through a body", "[onnx][hostile]") {
  auto model = test::nestedIfs(1);
  auto& graph = *model.mutable_graph();
  graph.mutable_node(0)->set_name("if1");
  test::addNode(graph, "Relu", {"y"}, {"late"}, "late");
  graph.mutable_node(0)->mutable_attribute(0)->mutable_g()->mutable_node(0)->set_input(0, "late");
  CHECK_REFUSED(model, "cycle: 'if1' -> 'late' -> 'if1'");
}

TEST_CASE("functions that call themselves, directly, in a ring, or from a body", "[onnx][hostile]") {
  auto model = test::smallModel();
  call(addFunction(model, "f"), "f");
  CHECK_REFUSED(model, "functions call each other in a cycle: 'f' -> 'f'");
  model = test::smallModel();
  call(addFunction(model, "f"), "g");
  call(addFunction(model, "g"), "f");
  CHECK_REFUSED(model, "cycle: 'f' -> 'g' -> 'f'");
  model = test::smallModel();
  auto& function = addFunction(model, "f");
  auto& node = *function.add_node();
  node.set_op_type("If");
  node.add_input("a");
  node.add_output("b");
  auto& inner = *test::addBody(node, "then_branch").add_node();
  inner.set_op_type("f");
  inner.set_domain("local");
  inner.add_input("a");
  inner.add_output("deep");
  CHECK_REFUSED(model, "cycle: 'f' -> 'f'");
}

TEST_CASE("functions: defined once, calls of limited depth, names that resolve", "[onnx][hostile]") {
  auto model = test::smallModel();
  for (int i = 0; i < 65; ++i) call(addFunction(model, "f" + std::to_string(i)), "f" + std::to_string(i + 1));
  CHECK_REFUSED(model, "nest 65 deep, at most 64");
  model = test::smallModel();
  call(addFunction(model, "f"), "other");
  call(addFunction(model, "f"), "other");
  CHECK_REFUSED(model, "function 'f' of domain 'local' is defined twice");
  model = test::smallModel();
  call(addFunction(model, "f"), "other").set_input(0, "gone");
  CHECK_REFUSED(model, "function 'f', node without name (other)");
}

TEST_CASE("names of hostile models are shown without their control characters", "[onnx][hostile]") {
  auto model = test::smallModel();
  model.mutable_graph()->mutable_node(0)->set_input(1, "\x1b]52;c;aGk=\x07");
  const std::string message = refusal(model);
  CHECK_THAT(message, Contains("\\x1B]52"));
  CHECK(message.find('\x1b') == std::string::npos);
}
