// Edits of a graph: who produces, who reads, in which order, and what is gone.
#include "lib/ir/graph.h"

#include <catch2/catch.hpp>

#include "lib/base/error.h"
#include "lib/ir/print.h"
#include "lib/ir/verify.h"
#include "tests/support/build.h"

using namespace compress;
using test::buildModel;

namespace {

constexpr std::string_view kDiamond = R"(
input x: float32[2]
a = Relu(x)
b = Neg(a)
c = Add(a, b)
output c
)";

}  // namespace

TEST_CASE("order puts producers first and keeps the order of addition otherwise", "[graph]") {
  const Model model = buildModel("input x: float32[1]\nd = Add(b, c)\nb = Relu(x)\nc = Neg(x)\noutput d\n");
  CHECK(print(model.graph) == "b = Relu(x)\nc = Neg(x)\nd = Add(b, c)\n");
}

TEST_CASE("a cycle is an error that shows it", "[graph]") {
  const Model model = buildModel("input x: float32[1]\na = Add(x, c)\nb = Relu(a)\nc = Neg(b)\nd = Abs(x)\noutput c\n");
  REQUIRE_THROWS_AS(model.graph.order(), Error);
  try {
    model.graph.order();
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::input);
    CHECK(error.message().find("'a' -> 'b' -> 'c' -> 'a'") != std::string::npos);
  }
}

TEST_CASE("a copy of a graph is independent and keeps ids", "[graph]") {
  Model model = buildModel(kDiamond);
  const Model before = model;
  const NodeId negation = model.graph.findNode("b");
  model.graph.setOp(negation, "Abs");
  CHECK(model.graph.node(negation).op == "Abs");
  CHECK(before.graph.node(negation).op == "Neg");
}

TEST_CASE("replaceUses moves readers and graph outputs", "[graph]") {
  Model model = buildModel(kDiamond);
  Graph& graph = model.graph;
  const ValueId a = graph.findValue("a"), b = graph.findValue("b"), c = graph.findValue("c"), x = graph.findValue("x");
  graph.replaceUses(b, x);
  CHECK(graph.uses(b).empty());
  CHECK(print(graph) == "a = Relu(x)\nb = Neg(a)\nc = Add(a, x)\n");
  graph.replaceUses(c, a);
  CHECK(graph.outputs() == std::vector<ValueId>{a});
  CHECK(graph.eraseDead() == 2);
  CHECK(print(graph) == "a = Relu(x)\n");
  CHECK_FALSE(graph.isAlive(b));
  CHECK_NOTHROW(verify(model));
}

TEST_CASE("replacing a value by one that reads it twice keeps every use", "[graph]") {
  Model model = buildModel("input x: float32[1]\na = Relu(x)\nc = Add(a, a)\noutput c\n");
  Graph& graph = model.graph;
  CHECK(graph.uses(graph.findValue("a")).size() == 2);
  CHECK_FALSE(graph.onlyUse(graph.findValue("a")));
  graph.setInput(graph.findNode("c"), 1, graph.findValue("x"));
  CHECK(graph.onlyUse(graph.findValue("a")) == Use{graph.findNode("c"), 0});
}

TEST_CASE("onlyUse is nothing for a graph output", "[graph]") {
  const Model model = buildModel("input x: float32[1]\na = Relu(x)\nb = Neg(a)\noutput a\noutput b\n");
  CHECK_FALSE(model.graph.onlyUse(model.graph.findValue("a")));
}

TEST_CASE("setOutputs hands a value from one node to another", "[graph]") {
  Model model = buildModel("input x: float32[1]\na = Relu(x)\nb = Identity(a)\noutput b\n");
  Graph& graph = model.graph;
  const ValueId a = graph.findValue("a"), b = graph.findValue("b");
  graph.erase(graph.findNode("b"));
  CHECK_FALSE(graph.producer(b));
  graph.setOutputs(graph.findNode("a"), {b});
  CHECK(graph.producer(b) == graph.findNode("a"));
  CHECK_FALSE(graph.producer(a));
  graph.erase(a);
  CHECK(print(graph) == "b = Relu(x)\n");
}

TEST_CASE("a value in use cannot be erased", "[graph]") {
  Model model = buildModel(kDiamond);
  for (const char* name : {"x", "a", "c"}) CHECK_THROWS_AS(model.graph.erase(model.graph.findValue(name)), Error);
}

TEST_CASE("names stay unique", "[graph]") {
  Model model = buildModel(kDiamond);
  Graph& graph = model.graph;
  CHECK(graph.value(graph.add({"a", {}, std::nullopt, {}})).name == "a_1");
  CHECK(graph.value(graph.add({"", {}, std::nullopt, {}})).name == "value");
  graph.rename(graph.findValue("b"), "a");
  CHECK(print(graph) == "a_2 = Relu(x)\na = Neg(a_2)\nc = Add(a_2, a)\n");
  CHECK(graph.findValue("b") == kNoValue);
}

TEST_CASE("emit and constants", "[graph]") {
  Model model = buildModel("input x: float32[2]\ny = Relu(x)\noutput y\n");
  Graph& graph = model.graph;
  const ValueId two = graph.addConstant("two", Tensor::scalar(2.0F));
  const ValueId z = graph.emit("Mul", {graph.findValue("y"), two}, "y");
  CHECK(graph.value(z).name == "y_1");
  CHECK(graph.node(graph.producer(z)).name == "y_1");
  CHECK(graph.constant(two)->as<float>()[0] == 2.0F);
  CHECK(graph.constant(z) == nullptr);
  graph.clearConstant(two);
  CHECK(graph.constant(two) == nullptr);
  CHECK_THROWS_AS(verify(model), Error);
}

TEST_CASE("eraseDead keeps inputs, outputs and what they need", "[graph]") {
  Model model = buildModel(
      "input x: float32[1]\ninput unused: float32[1]\nconst w: float32[1]\na = Relu(x)\nb = Add(x, w)\n"
      "c = Neg(b)\noutput a\n");
  CHECK(model.graph.eraseDead() == 2);
  CHECK(print(model.graph) == "a = Relu(x)\n");
  CHECK_FALSE(model.graph.findValue("w"));
  CHECK(model.graph.inputs().size() == 2);
  CHECK(model.graph.eraseDead() == 0);
}

TEST_CASE("runtimeInputs leaves out inputs with an initializer", "[graph]") {
  const Model model =
      buildModel("input x: float32[1]\ninput w: float32[1]\nconst w: float32[1]\na = Add(x, w)\noutput a\n");
  CHECK(model.graph.runtimeInputs() == std::vector<ValueId>{model.graph.findValue("x")});
}

TEST_CASE("print shows bodies, absent inputs and domains", "[graph]") {
  const Model model = buildModel(
      "input c: bool\ninput x: float32[1]\ngraph then\ninput x: float32[1]\nt = Neg(x)\noutput t\nend\n"
      "graph else\ninput x: float32[1]\nt = Relu(x)\noutput t\nend\n"
      "y = If[then_branch=@then, else_branch=@else](c, x) captures 1\n"
      "z, _ = my.Op[s=\"a\", f=0.5, i=3, l=[1, 2], r=[0.5, 1]](y, _)\noutput z\n");
  CHECK_NOTHROW(verify(model));
  CHECK(print(model.graph) ==
        "y = If[then_branch=graph 'then', else_branch=graph 'else'](c, x) captures 1\n  then_branch:\n    t = Neg(x)\n"
        "  else_branch:\n    t = Relu(x)\nz, _ = my.Op[s=\"a\", f=0.5, i=3, l=[1, 2], r=[0.5, 1]](y, _)\n");
}

TEST_CASE("print of a model tells constants apart", "[graph]") {
  const auto printed = [](std::string_view data) {
    return print(
        buildModel("input x: float32[2]\nconst w: float32[2] = " + std::string(data) + "\ny = Add(x, w)\noutput y\n"));
  };
  CHECK(printed("1, 2") == printed("1, 2"));
  CHECK(printed("1, 2") != printed("1, 2.0000002"));
  CHECK(printed("0, 0") != printed("0, -0"));
}

TEST_CASE("a 100,000-way fan-out is replaced in linear time", "[graph]") {
  Model model = buildModel("input x: float32[1]\na = Relu(x)\noutput a\n");
  Graph& graph = model.graph;
  const ValueId a = graph.findValue("a");
  for (int i = 0; i < 100'000; ++i) graph.emit("Neg", {a}, "n");
  graph.replaceUses(a, graph.findValue("x"));
  CHECK(graph.uses(graph.findValue("x")).size() == 100'001);
  CHECK(graph.order().size() == 100'001);
}

TEST_CASE("an input that is left out has no producer", "[graph]") {
  CHECK_FALSE(Graph().producer(kNoValue));
}
