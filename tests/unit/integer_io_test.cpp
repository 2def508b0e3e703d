// Integer borders: what goes, what the integers stand for, and what stays float with its reason.
#include "passes/quantize/integer_io.h"

#include <catch2/catch.hpp>

#include "lib/ir/print.h"
#include "lib/ir/verify.h"
#include "tests/support/build.h"
#include "tests/support/errors.h"

using namespace compress;
using namespace compress::test;

namespace {

constexpr const char* kQuantized =
    "input x: float32[1, 4]\nconst s: float32[] = 0.5\nconst z: uint8[] = 3\nconst t: float32[] = 0.25\n"
    "const v: uint8[] = 0\nq = QuantizeLinear(x, s, z)\nd = DequantizeLinear(q, s, z)\nr = Relu(d)\n"
    "p = QuantizeLinear(r, t, v)\nvalue y: float32[1, 4]\ny = DequantizeLinear(p, t, v)\noutput y\n";

std::string refusal(const std::string& model, DType dtype = DType::u8) {
  return outcomeOf([&] {
    Model built = buildModel(model);
    return makeBordersInteger(built, dtype, {}).size();
  });
}

}  // namespace

TEST_CASE("Q at an input and DQ at an output go, names stay, types change", "[quantize]") {
  Model model = buildModel(kQuantized);
  const std::vector<BorderEncoding> borders = makeBordersInteger(model, DType::u8, {});
  verify(model);
  REQUIRE(borders.size() == 2);
  CHECK(borders[0].name == "x");
  CHECK(borders[0].isInput);
  CHECK(borders[0].scale == 0.5F);
  CHECK(borders[0].zeroPoint == 3);
  CHECK(borders[1].name == "y");
  CHECK(borders[1].scale == 0.25F);
  const Graph& graph = model.graph;
  CHECK(graph.nodeCount() == 3);
  CHECK(print(graph.value(graph.runtimeInputs()[0]).type) == "uint8[1, 4]");
  CHECK(graph.value(graph.outputs()[0]).name == "y");
  CHECK(print(graph.value(graph.outputs()[0]).type) == "uint8[1, 4]");
  CHECK(*model.findMetadata("compress.io.x") == "uint8 0.5 3");
}

TEST_CASE("an integer input stays as it is", "[quantize]") {
  Model model = buildModel("input i: int64[2]\ny = Identity(i)\nvalue y: int64[2]\noutput y\n");
  CHECK(makeBordersInteger(model, DType::u8, {}).empty());
}

TEST_CASE("a border in float gets a DQ or a Q with the encoding given", "[quantize]") {
  Model model = buildModel("input x: float32[1, 4]\nvalue y: float32[1, 4]\ny = Relu(x)\noutput y\n");
  CHECK(floatBorders(model, DType::i8) == std::vector<std::string>{"x", "y"});
  const Encoding x{DType::i8, {0.5F}, {1}, std::nullopt}, y{DType::i8, {0.25F}, {-128}, std::nullopt};
  const std::vector<BorderEncoding> borders = makeBordersInteger(model, DType::i8, {{"x", x}, {"y", y}});
  verify(model);
  REQUIRE(borders.size() == 2);
  CHECK(borders[1].zeroPoint == -128);
  const Graph& graph = model.graph;
  std::vector<std::string> ops;
  for (const NodeId id : graph.order()) ops.push_back(graph.node(id).op);
  CHECK(ops == std::vector<std::string>{"DequantizeLinear", "Relu", "QuantizeLinear"});
  CHECK(print(graph.value(graph.outputs()[0]).type) == "int8[1, 4]");
  CHECK(graph.value(graph.outputs()[0]).name == "y");
}

TEST_CASE("borders of another type, or without a range, are refused", "[quantize]") {
  CHECK(refusal(kQuantized, DType::i8) == "4: --io-dtype int8: input 'x' is quantized to uint8");
  CHECK(refusal("input x: float32[1, 4]\nvalue y: float32[1, 4]\ny = Relu(x)\noutput y\n") ==
        "4: --io-dtype uint8: input 'x' is float in the model, and its range is not known");
}

TEST_CASE("an input that its readers quantize in two ways counts as float", "[quantize]") {
  Model model = buildModel(
      "input x: float32[1, 4]\nconst s: float32[] = 0.5\nconst z: uint8[] = 3\nconst t: float32[] = 0.25\n"
      "q = QuantizeLinear(x, s, z)\np = QuantizeLinear(x, t, z)\nd = DequantizeLinear(q, s, z)\ne = "
      "DequantizeLinear(p, t, z)\nvalue y: float32[1, 4]\ny = Add(d, e)\noutput y\n");
  CHECK(floatBorders(model, DType::u8) == std::vector<std::string>{"x", "y"});
}
