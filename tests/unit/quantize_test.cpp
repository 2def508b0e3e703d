// The quantize pass on small models: what becomes integer, how it is laid out, how close it stays.
#include <catch2/catch.hpp>
#include <limits>

#include "lib/base/parallel.h"
#include "lib/ir/print.h"
#include "tests/support/build.h"
#include "tests/support/errors.h"
#include "tests/support/quantizing.h"

using namespace compress;
using namespace compress::test;

namespace {

constexpr const char* kTwoConvs = R"(
opset 13
ir 8
input x: float32[1, 3, 8, 8]
const w: float32[4, 3, 3, 3]
const b: float32[4]
const w2: float32[4, 4, 3, 3]
c = Conv[pads=[1, 1, 1, 1]](x, w, b)
r = Relu(c)
y = Conv[pads=[1, 1, 1, 1]](r, w2)
output y
)";

}  // namespace

TEST_CASE("a Relu that the Q implies goes, Q and DQ have three inputs and share them", "[quantize]") {
  const Quantized outcome = quantizeModel(buildModel(kTwoConvs), atLevel(1));
  const Graph& graph = outcome.model.graph;
  CHECK(outcome.count == 2);
  CHECK(countOf(graph, "Relu") == 0);
  CHECK(countOf(graph, "QuantizeLinear") == 3);  // x, r, y
  for (const NodeId id : graph.nodes()) {
    const Node& node = graph.node(id);
    if (node.op != "QuantizeLinear" && node.op != "DequantizeLinear") continue;
    CAPTURE(node.name);
    REQUIRE(node.inputs.size() == 3);
    if (node.op == "QuantizeLinear") {
      CHECK(graph.constant(node.inputs[1])->shape().rank() == 0);
      const Node& back = graph.node(graph.uses(node.outputs[0])[0].node);
      CHECK(back.inputs[1] == node.inputs[1]);
      CHECK(back.inputs[2] == node.inputs[2]);
    }
  }
  CHECK(outcome.report.encodings.at("r").zeroPoints == std::vector<int32_t>{0});
  CHECK(graph.value(graph.outputs()[0]).name == "y");
}

TEST_CASE("the bias is int32 with exactly the scale of input times weight", "[quantize]") {
  const Quantized outcome = quantizeModel(buildModel(kTwoConvs), atLevel(1));
  const Graph& graph = outcome.model.graph;
  const auto stored = [&](const char* name) { return *graph.constant(graph.findValue(name)); };
  CHECK(stored("w.quantized").dtype() == DType::i8);
  CHECK(stored("b.quantized").dtype() == DType::i32);
  const float input = stored("x.scale").as<float>()[0];
  for (size_t c = 0; c < 4; ++c) CHECK(stored("b.scale").as<float>()[c] == input * stored("w.scale").as<float>()[c]);
  const NodeId bias = graph.findNode("b.dequantized/DequantizeLinear");
  REQUIRE(bias);
  CHECK(graph.node(bias).attributes.integer("axis", -1) == 0);
}

TEST_CASE("each level comes closer to the float model", "[quantize]") {
  const Model model = buildModel(kTwoConvs);
  const double perTensor = sqnrOf(model, quantizeModel(model, atLevel(0)).model);
  const double perChannel = sqnrOf(model, quantizeModel(model, atLevel(1)).model);
  const double refined = sqnrOf(model, quantizeModel(model, atLevel(2)).model);
  CAPTURE(perTensor, perChannel, refined);
  CHECK(perTensor > 25);
  CHECK(perChannel > perTensor);
  CHECK(refined > perChannel);
}

TEST_CASE("quantize gives the same model for any number of threads", "[quantize]") {
  const Model model = buildModel(kTwoConvs);
  setThreadCount(1);
  const std::string one = print(quantizeModel(model, {}, 1).model);
  for (const int threads : {2, 4}) {
    setThreadCount(threads);
    CHECK(print(quantizeModel(model, {}, threads).model) == one);
  }
  setThreadCount(1);
}

TEST_CASE("a residual block is integer throughout, a decode tail stays float", "[quantize]") {
  const Quantized outcome = quantizeModel(buildModel(R"(
opset 13
ir 8
input x: float32[1, 4, 8, 8]
const w: float32[4, 4, 3, 3]
const w2: float32[4, 4, 3, 3]
const w3: float32[4, 4, 1, 1]
a = Conv[pads=[1, 1, 1, 1]](x, w)
r = Relu(a)
c = Conv[pads=[1, 1, 1, 1]](r, w2)
s = Add(c, x)
t = Relu(s)
q = Conv(t, w3)
p = Conv(q, w3)
e = Sigmoid(p)
y = Concat[axis=1](p, e)
output y
)"),
                                          atLevel(1));
  CHECK(outcome.count == 4);
  CHECK(outcome.reasonFor("p") == "its result goes into a decode tail, which stays float");
  CHECK(countOf(outcome.model.graph, "Relu") == 0);
  CHECK(outcome.reasonFor("e").find("float") != std::string::npos);
  CHECK(outcome.reasonFor("y") == "its result goes to float operators only");
  CHECK(outcome.reasonFor("s") == "none");
}

TEST_CASE("an activation behind a Conv is computed in float between two quantized tensors", "[quantize]") {
  const Quantized outcome = quantizeModel(buildModel(R"(
opset 13
ir 8
input x: float32[1, 4, 8, 8]
const w: float32[4, 4, 3, 3]
const w2: float32[4, 4, 3, 3]
c = Conv[pads=[1, 1, 1, 1]](x, w)
g = Sigmoid(c)
m = Mul(c, g)
y = Conv[pads=[1, 1, 1, 1]](m, w2)
output y
)"),
                                          atLevel(1));
  CHECK(outcome.count == 2);
  CHECK(countOf(outcome.model.graph, "QuantizeLinear") == 4);  // x, c, m, y
  CHECK(outcome.reasonFor("m") == "an operand is float");
}

TEST_CASE("tensors that only move share one encoding", "[quantize]") {
  const Quantized outcome = quantizeModel(buildModel(R"(
opset 13
ir 8
input x: float32[1, 4, 8, 8]
const w: float32[4, 4, 1, 1]
const w2: float32[4, 8, 1, 1]
a = Conv(x, w)
m = MaxPool[kernel_shape=[3, 3], pads=[1, 1, 1, 1]](a)
j = Concat[axis=1](a, m)
y = Conv(j, w2)
output y
)"),
                                          atLevel(1));
  const auto& encodings = outcome.report.encodings;
  CHECK(encodings.at("a") == encodings.at("m"));
  CHECK(encodings.at("a") == encodings.at("j"));
  CHECK_FALSE(encodings.at("a") == encodings.at("y"));
}

TEST_CASE("a product with a constant sum behind it becomes an integer Gemm without a Q behind", "[quantize]") {
  const Quantized outcome = quantizeModel(buildModel(R"(
opset 13
ir 8
input x: float32[1, 16]
const w: float32[16, 4]
const b: float32[1, 4]
p = MatMul(x, w)
y = Add(p, b)
output y
)"),
                                          atLevel(2));
  CHECK(outcome.count == 1);
  CHECK(countOf(outcome.model.graph, "Gemm") == 1);
  CHECK(countOf(outcome.model.graph, "QuantizeLinear") == 1);
}

TEST_CASE("patterns keep nodes float, and one that matches nothing is an error", "[quantize]") {
  QuantizeOptions options = atLevel(1);
  options.exclude = {"tensor:c"};
  const Quantized outcome = quantizeModel(buildModel(kTwoConvs), options);
  CHECK(outcome.count == 1);
  CHECK(outcome.reasonFor("c") == "excluded by 'tensor:c'");
  options.exclude = {"op:Cnov"};
  CHECK(throwsError(ErrorKind::usage, "matches no operator", [&] { quantizeModel(buildModel(kTwoConvs), options); }));
}

TEST_CASE("weights that are not finite are refused by name and index", "[quantize]") {
  Model model = buildModel(kTwoConvs);
  std::vector<float> values = toFloats(*model.graph.constant(model.graph.findValue("b")));
  values[2] = std::numeric_limits<float>::quiet_NaN();
  model.graph.setConstant(model.graph.findValue("b"), Tensor::of<float>(Shape{4}, values));
  CHECK(throwsError(ErrorKind::numeric, "weight 'b' holds NaN at index 2", [&] { quantizeModel(model); }));
}

TEST_CASE("a quantized model is left alone", "[quantize]") {
  const Quantized once = quantizeModel(buildModel(kTwoConvs), atLevel(1));
  const Quantized twice = quantizeModel(once.model, atLevel(1));
  CHECK(twice.count == 0);
  CHECK(print(twice.model) == print(once.model));
}
