// Local functions: what calls become, and that the file keeps its functions.
#include "lib/ops/inline.h"

#include <catch2/catch.hpp>

#include "lib/onnx/read.h"
#include "lib/onnx/write.h"
#include "lib/ops/upgrade.h"
#include "lib/runtime/session.h"
#include "tests/support/onnx_proto.h"
#include "tests/support/paths.h"
#include "tests/support/wire.h"

using namespace compress;
using namespace compress::test;

namespace {

onnx::FunctionProto& addFunction(onnx::ModelProto& model, const std::string& name, int64_t opset) {
  onnx::FunctionProto& function = *model.add_functions();
  function.set_name(name);
  function.set_domain("local");
  function.add_input("a");
  function.add_output("b");
  auto& import = *function.add_opset_import();
  import.set_version(opset);
  return function;
}

onnx::NodeProto& addCall(google::protobuf::RepeatedPtrField<onnx::NodeProto>& nodes, const std::string& op,
                         const std::string& domain, const std::string& from, const std::string& to) {
  onnx::NodeProto& node = *nodes.Add();
  node.set_op_type(op);
  node.set_domain(domain);
  node.add_input(from);
  node.add_output(to);
  return node;
}

void refer(onnx::NodeProto& node, const std::string& attribute, const std::string& name) {
  onnx::AttributeProto& reference = *node.add_attribute();
  reference.set_name(attribute);
  reference.set_type(onnx::AttributeProto::FLOAT);
  reference.set_ref_attr_name(name);
}

/// outer(a) = inner(inner(a)); inner(a) = Clip(LeakyRelu(a, alpha = slope), max = 1) of opset 6, slope 0.5 by default.
onnx::ModelProto nestedFunctions() {
  onnx::ModelProto model = emptyModel();
  model.add_opset_import()->set_domain("local");
  model.mutable_opset_import(1)->set_version(1);
  onnx::FunctionProto& inner = addFunction(model, "inner", 6);
  refer(addCall(*inner.mutable_node(), "LeakyRelu", "", "a", "leaky"), "alpha", "slope");
  onnx::AttributeProto& most = *addCall(*inner.mutable_node(), "Clip", "", "leaky", "b").add_attribute();
  most.set_name("max");
  most.set_type(onnx::AttributeProto::FLOAT);
  most.set_f(1);
  onnx::AttributeProto slope;
  slope.set_name("slope");
  slope.set_type(onnx::AttributeProto::FLOAT);
  slope.set_f(0.5F);
  inner.GetReflection()->MutableUnknownFields(&inner)->AddLengthDelimited(11, slope.SerializeAsString());
  onnx::FunctionProto& outer = addFunction(model, "outer", 17);
  outer.add_opset_import()->set_domain("local");
  outer.mutable_opset_import(1)->set_version(1);
  outer.add_attribute("slope");
  refer(addCall(*outer.mutable_node(), "inner", "local", "a", "once"), "slope", "slope");
  addCall(*outer.mutable_node(), "inner", "local", "once", "b");
  onnx::AttributeProto& given =
      *addCall(*model.mutable_graph()->mutable_node(), "outer", "local", "x", "y").add_attribute();
  given.set_name("slope");
  given.set_type(onnx::AttributeProto::FLOAT);
  given.set_f(0.1F);
  return model;
}

std::vector<float> run(const Model& model, std::vector<float> x) {
  const auto backend = makeCpuBackend();
  Session session(model, *backend);
  Bindings bindings;
  bindings.inputs = {Tensor::of<float>(Shape{1, 2}, x)};
  session.run(bindings);
  return toFloats(bindings.outputs.at(0).snapshot());
}

}  // namespace

TEST_CASE("calls of functions become their bodies: nested, with attributes, each by its own opset",
          "[ops][functions]") {
  const Model model = parseModel(nestedFunctions().SerializeAsString()).model;
  const auto y = run(model, {-1, 3});
  CHECK(y[0] == Approx(-0.05));  // 0.1 from the call, then 0.5 by default
  CHECK(y[1] == Approx(1));
  const Model inlined = upgraded(model);
  for (const NodeId id : inlined.graph.nodes()) CHECK(inlined.graph.node(id).domain.empty());
  CHECK(inlined.graph.findValue("y"));
}

TEST_CASE("a model that calls functions keeps them in its file", "[ops][functions]") {
  const TemporaryDirectory folder;
  const auto path = folder.path() / "functions.onnx";
  writeModel(parseModel(nestedFunctions().SerializeAsString()).model, path);
  const Model again = readModel(path).model;
  REQUIRE(again.functions);
  CHECK(again.functions->size() == 2);
  CHECK(again.graph.nodeCount() == 1);
  CHECK(run(again, {-1, 3})[0] == Approx(-0.05));
}

TEST_CASE("a function may return its input, and an output twice", "[ops][functions]") {
  onnx::ModelProto proto = emptyModel();
  proto.add_opset_import()->set_domain("local");
  proto.mutable_opset_import(1)->set_version(1);
  onnx::FunctionProto& function = addFunction(proto, "same", 17);
  function.set_output(0, "a");
  addCall(*proto.mutable_graph()->mutable_node(), "same", "local", "x", "y");
  CHECK(run(parseModel(proto.SerializeAsString()).model, {4, 5}) == std::vector<float>{4, 5});
}

TEST_CASE("functions whose inputs have no name are refused", "[onnx][functions][hostile]") {
  onnx::ModelProto proto = nestedFunctions();
  proto.mutable_functions(0)->add_input("");
  CHECK_THROWS_WITH(parseModel(proto.SerializeAsString()), Catch::Contains("an input has no name"));
}

TEST_CASE("calls that grow beyond all bounds are refused", "[ops][functions]") {
  Function twice;
  std::vector<Function> functions;
  for (int level = 0; level < 40; ++level) {
    Function function{"local", "f" + std::to_string(level), "", {}, {}, {}};
    function.opsets.set("", 17);
    const ValueId a = function.body.add({"a", {}, std::nullopt, {}});
    function.body.addInput(a);
    ValueId at = a;
    for (int i = 0; i < 2; ++i) {
      at = function.body.emit(level == 0 ? "Relu" : "f" + std::to_string(level - 1), {at}, "b");
      if (level > 0) function.body.setOp(function.body.producer(at), "f" + std::to_string(level - 1), "local");
    }
    function.body.addOutput(at);
    functions.push_back(std::move(function));
  }
  Model model;
  model.opsets.set("", kNewestOpset);
  model.functions = std::make_shared<const std::vector<Function>>(std::move(functions));
  const ValueId x = model.graph.add({"x", {}, std::nullopt, {}});
  model.graph.addInput(x);
  const ValueId y = model.graph.emit("f39", {x}, "y");
  model.graph.setOp(model.graph.producer(y), "f39", "local");
  model.graph.addOutput(y);
  CHECK_THROWS_WITH(inlineFunctions(model), Catch::Contains("more than 1000000 nodes"));
}
